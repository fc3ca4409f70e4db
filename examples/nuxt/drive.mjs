// A rendering server of its own in front of the API.
import { startApi } from '../../tools/examples/api.mjs';
import { loadPages } from '../../tools/examples/load-pages.mjs';
import { visit } from '../../tools/examples/visit.mjs';
import { startProcess } from '../../tools/support/child-process.mjs';

export async function drive({ folder, browser }) {
  const api = await startApi({ delivery: 'cookie' });
  const nuxt = await startProcess(process.execPath, ['.output/server/index.mjs'], {
    cwd: folder,
    env: { PATH: process.env.PATH, NUXT_API: api.url, HOST: '127.0.0.1', PORT: '0' },
    ready: /http:\/\/127\.0\.0\.1:\d+/,
  });
  try {
    const [url] = nuxt.match;
    await visit(browser, url, api, {
      signInUrl: `${url}/api/auth/login`,
      mutationUrl: `${url}/api/auth/logout-everywhere`,
      hasCookie: true,
    });
    await loadPages(browser, url, api);
  } finally {
    await nuxt.end('SIGTERM');
    await api.close();
  }
}
