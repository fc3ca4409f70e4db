import { startApi } from '../../tools/examples/api.mjs';
import { visit } from '../../tools/examples/visit.mjs';
import { startProcess } from '../../tools/support/child-process.mjs';

export async function drive({ folder, browser }) {
  const api = await startApi({ delivery: 'cookie' });
  const next = await startProcess(
    process.execPath,
    ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', '0'],
    {
      cwd: folder,
      env: { PATH: process.env.PATH, API_URL: api.url, NEXT_TELEMETRY_DISABLED: '1' },
      ready: /Local:\s+http:\/\/\S+?:(\d+)[\s\S]*Ready/,
    },
  );
  const url = `http://127.0.0.1:${next.match[1]}`;
  try {
    await visit(browser, url, api, {
      signInUrl: `${url}/api/auth/login`,
      mutationUrl: `${url}/api/auth/logout-everywhere`,
      hasCookie: true,
    });
  } finally {
    await next.end('SIGTERM');
    await api.close();
  }
}
