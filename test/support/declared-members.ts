import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SOURCES = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'libs/refresh-auth/src');

/** Returns the names of the members of an interface or a class that are not private. */
export function membersOf(path: string, name: string): string[] {
  return declaredMembers(path, name).map((member) => member.name);
}

/** Returns the literals with which the `@default` of members begin, such as `'15m'`, by the names of the members. */
export function defaultsOf(path: string, name: string): Map<string, string> {
  const literals = declaredMembers(path, name).map(({ name: member, node }) => {
    const text = ts.getJSDocTags(node).find(({ tagName }) => tagName.text === 'default')?.comment;
    return [member, /^(?:'[^']*'|true|false|\d+)/.exec(ts.getTextOfJSDocComment(text) ?? '')?.[0]] as const;
  });
  return new Map(literals.flatMap(([member, literal]) => (literal === undefined ? [] : [[member, literal]])));
}

function declaredMembers(path: string, name: string): { name: string; node: ts.Node }[] {
  const source = ts.createSourceFile(path, readFileSync(join(SOURCES, path), 'utf8'), ts.ScriptTarget.ES2022, true);
  for (const statement of source.statements) {
    const isIt = ts.isInterfaceDeclaration(statement) || ts.isClassDeclaration(statement);
    if (!isIt || statement.name?.text !== name) continue;
    return [...statement.members].flatMap((node) =>
      node.name && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name)) ? { name: node.name.text, node } : [],
    );
  }
  throw new Error(`${path} declares no ${name}`);
}
