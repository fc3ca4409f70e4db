import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SOURCES = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'libs/refresh-auth/src');

/** Returns the names of the members of an interface or a class that are not private. */
export function membersOf(path: string, name: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(join(SOURCES, path), 'utf8'), ts.ScriptTarget.ES2022, true);
  for (const statement of source.statements) {
    const isIt = ts.isInterfaceDeclaration(statement) || ts.isClassDeclaration(statement);
    if (!isIt || statement.name?.text !== name) continue;
    return [...statement.members].flatMap(({ name: member }) =>
      member && (ts.isIdentifier(member) || ts.isStringLiteral(member)) ? member.text : [],
    );
  }
  throw new Error(`${path} declares no ${name}`);
}
