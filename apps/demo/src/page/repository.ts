import { readFileSync } from 'node:fs';

const MANIFEST = new URL('../../../libs/refresh-auth/package.json', import.meta.resolve('demo/page/index.html'));

/** Returns the web address of the repository, which `libs/refresh-auth/package.json` names in `repository`; `null` if it names none. */
export function repositoryAddress(manifest: URL = MANIFEST): string | null {
  const { repository } = JSON.parse(readFileSync(manifest, 'utf8')) as { repository?: string | { url?: string } };
  const url = typeof repository === 'object' ? repository.url : repository;
  const address = url?.replace(/^git\+/, '').replace(/\.git$/, '');
  return address?.startsWith('https://') ? address : null;
}
