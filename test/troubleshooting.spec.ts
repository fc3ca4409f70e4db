// docs/troubleshooting.md has an entry for every error code, every error of a wrong option or set-up, and every line of the log.
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'libs/refresh-auth/src');
const page = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');

/** Stands for something that differs from case to case. */
const ANYTHING = '…';

interface Source {
  path: string;
  file: ts.SourceFile;
}

/** Not the entries of their own for tests and browsers: nothing of them runs when an application boots. */
const sources: Source[] = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && !/^(testing|client)\//.test(path))
  .map((path) => ({
    path,
    file: ts.createSourceFile(path, readFileSync(join(SOURCES, path), 'utf8'), ts.ScriptTarget.ES2022, true),
  }));

function nodesOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  return [node, ...children.flatMap(nodesOf)];
}

/** Returns each text that an expression may have; `undefined` where only the running program knows. */
function textsOf(expression: ts.Expression): (string | undefined)[] {
  if (ts.isStringLiteralLike(expression)) return [expression.text];
  if (ts.isTemplateExpression(expression))
    return [expression.head.text + expression.templateSpans.map(({ literal }) => ANYTHING + literal.text).join('')];
  if (ts.isConditionalExpression(expression)) return [expression.whenTrue, expression.whenFalse].flatMap(textsOf);
  return [undefined];
}

/** The argument that says what is wrong, by the name of what is called. */
const ERRORS: Readonly<Record<string, number>> = {
  fail: 0,
  error: 0,
  RefreshAuthOptionsError: 1,
  notGuarding: 0,
  Error: 0,
};
const LOGS = ['log', 'warn', 'error', 'debug'];

/** Returns the texts of all calls and constructions of this kind, each with its place in the source. */
function messages(find: (call: ts.CallExpression | ts.NewExpression, name: string) => ts.Expression | undefined) {
  return sources.flatMap(({ path, file }) =>
    nodesOf(file)
      .filter((node) => ts.isCallExpression(node) || ts.isNewExpression(node))
      .flatMap((call) => {
        const { expression: callee } = call;
        const found = find(call, ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText());
        const place = `${path}:${file.getLineAndCharacterOfPosition(call.getStart()).line + 1}`;
        return found ? textsOf(found).map((text) => ({ place, text })) : [];
      }),
  );
}

/** The first column of the tables: messages as code, alternatives one after the other. */
const entries = [...page.matchAll(/^\| (.*?) +\| /gm)].map(([, cell]) => cell ?? '');

/** The page shows what differs from case to case as an ellipsis. */
function missing(texts: readonly { place: string; text: string | undefined }[]): string[] {
  return texts.flatMap(({ place, text }) =>
    text !== undefined && !entries.some((entry) => entry.includes(text)) ? [`${place}: ${text}`] : [],
  );
}

/** A line of the log is found by its beginning: its first words, or all before what differs. */
function head(text: string): string {
  const [beginning = ''] = text.split(ANYTHING);
  return beginning.length > 8 ? (beginning.split(/[:(,.]/)[0] ?? '') : text.slice(0, 60);
}

describe('docs/troubleshooting.md', () => {
  test('has an entry for every error code', () => {
    const codes = sources
      .filter(({ path }) => path === 'errors/refresh-auth-error.ts')
      .flatMap(({ file }) => nodesOf(file))
      .filter(ts.isTypeAliasDeclaration)
      .flatMap((type) => nodesOf(type).filter(ts.isStringLiteral))
      .map(({ text }) => text);

    expect(entries.length).toBeGreaterThan(60);
    expect(codes).toHaveLength(11);
    expect(codes.filter((code) => !entries.includes(`\`${code}\``))).toEqual([]);
  });

  test('has an entry for every error that stops the boot or is thrown for a wrong argument', () => {
    const found = messages((call, name) => {
      const index = Object.hasOwn(ERRORS, name) ? ERRORS[name] : undefined;
      // The logger has a method of the same name.
      if (index === undefined || /[Ll]og/.test(call.expression.getText())) return undefined;
      return call.arguments?.[index];
    });

    expect(found.length).toBeGreaterThan(70);
    expect(missing(found)).toEqual([]);
  });

  test('has an entry for every line of the log', () => {
    const logged = messages((call, name) =>
      LOGS.includes(name) && /[Ll]og/.test(call.expression.getText()) ? call.arguments?.[0] : undefined,
    );
    // The texts of these files are warnings.
    const warnings = sources
      .filter(({ path }) => /-warnings?\.ts$|supported-platform|event-log/.test(path))
      .flatMap(({ path, file }) =>
        nodesOf(file).flatMap((node) =>
          ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
            ? textsOf(node).map((text) => ({ place: path, text }))
            : [],
        ),
      )
      .filter(({ text = '' }) => /^[A-Z].* .* /.test(text));

    const heads = [...logged, ...warnings].map(({ place, text }) => ({ place, text: text && head(text) }));
    expect(heads.length).toBeGreaterThan(25);
    expect(missing(heads)).toEqual([]);
  });
});
