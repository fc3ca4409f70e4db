// The pages that the package carries, for readers who have nothing else.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { library, manifest, root } from './library.mjs';
import { repositoryAddress } from './repository.mjs';

const docs = readdirSync(join(root, 'docs'), { recursive: true })
  .map((file) => `docs/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.md'))
  .sort();

/** The paths of the pages, in the repository and in the package. */
export const packedPages = ['README.md', 'CHANGELOG.md', 'SECURITY.md', ...docs];

/** A link or a picture of Markdown. */
export const LINK = /(!?)\[([^\]]*)\]\(([^)\s]+)\)/g;

/**
 * Returns a page as the package carries it. npm shows the README on a page of its own, on which relative links lead nowhere, so there they
 * lead to the repository. On the other pages only those do whose target is not in the package. Without an address their text remains.
 *
 * @param {string} page its path
 * @param {string} text
 * @param {string | undefined} repository its address
 */
export function packedPage(page, text, repository) {
  return text.replaceAll(LINK, (link, picture, label, target) => {
    if (/^([a-z]+:|#)/.test(target)) return link;
    const [path, anchor] = target.split('#');
    const file = posix.join(posix.dirname(page), path);
    if (packedPages.includes(file) && (page !== 'README.md' || !repository)) return link;
    if (!repository) return label;
    const address = `${repository}/${picture ? 'raw' : 'blob'}/v${manifest.version}/${file}`;
    return `${picture}[${label}](${anchor === undefined ? address : `${address}#${anchor}`})`;
  });
}

/** Writes the pages into the folder that is packed. */
export function writePackedPages() {
  rmSync(join(library, 'docs'), { recursive: true, force: true });
  for (const page of packedPages) {
    const target = join(library, page);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, packedPage(page, readFileSync(join(root, page), 'utf8'), repositoryAddress(manifest)));
  }
}
