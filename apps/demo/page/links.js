import { element, make } from './dom.js';

/** @import { About } from '../src/page/about.interface.js' */

/** The pages of the documentation. The server has them, so that the links work in every clone. */
const PAGES = /** @type {const} */ ([
  ['demo.md', 'This page and its settings'],
  ['concepts.md', 'Concepts: every word of this page'],
  ['reuse-detection.md', 'Reuse detection: how theft is noticed'],
  ['failure-modes.md', 'What happens while the store is down'],
]);

/** The code. Browsers can open it only once the repository has an address. */
const FOLDERS = /** @type {const} */ ([
  ['apps/demo/src', 'The application behind this page'],
  ['apps/demo/page', 'The code of this page'],
  ['libs/refresh-auth/src', 'The library'],
]);

/** @param {About} about */
export function drawLinks({ repository }) {
  element('links', HTMLUListElement).append(
    ...PAGES.map(([file, what]) => item(what, `docs/${file}`, `page/docs/${file}`)),
    ...FOLDERS.map(([path, what]) =>
      item(what, path, repository === null ? undefined : `${repository}/tree/HEAD/${path}`),
    ),
  );
}

/**
 * @param {string} what
 * @param {string} path
 * @param {string | undefined} address
 */
function item(what, path, address) {
  const code = make('code', {}, path);
  return make('li', {}, `${what}: `, address === undefined ? code : make('a', { href: address }, code));
}
