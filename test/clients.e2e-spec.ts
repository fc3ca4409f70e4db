// HTTP clients that know nothing of the library get through an expiry.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { adapters } from './support/apps.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { decodePayload } from './support/hostile-tokens.js';
import { signInOf } from './support/past-sign-in.js';

const secret = 'a secret of the clients’ tests, long enough for them';
const HOUR = 3_600_000;
const ADA = { sub: '1', type: 'admin', scope: 'read write' };
const ME = { uid: 1, type: 'admin', scope: 'read write' };

interface Seen {
  status: number;
  data: unknown;
  state?: string;
  cookies: string[];
}

async function expiredToken(): Promise<string> {
  return (await signInOf(HOUR, { secret }, ADA)).token;
}

/** Name, value and the rest of a cookie in curl's own file. */
function curlCookies(file: string): string[][] {
  const lines = file.split('\n').filter((line) => line.includes('\t__Host-authorization\t'));
  return lines.map((line) => line.split('\t').slice(-2));
}

describe.each(adapters)('gets through an expiry without noticing, with the demo on %s:', (adapter) => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({ HTTP_ADAPTER: adapter, JWT_SECRET: secret });
  });

  afterAll(() => demo.stop());

  test('fetch of Node, which keeps the token of the header', async () => {
    let authorization = `Bearer ${await expiredToken()}`;
    const request = async (path: string, method = 'GET'): Promise<Response> => {
      // Idle connections would outlive the test.
      const response = await fetch(`${demo.url}${path}`, { method, headers: { authorization, connection: 'close' } });
      authorization = response.headers.get('authorization') ?? authorization;
      return response;
    };

    const seen = [await request('/me'), await request('/me')];

    expect(await Promise.all(seen.map((response) => response.json()))).toEqual([ME, ME]);
    expect(seen.map(({ headers }) => headers.get('x-token-state'))).toEqual(['refreshable', 'valid']);
    expect((await request('/auth/logout', 'POST')).status).toBe(204);
    expect((await request('/me')).status).toBe(401);
  });

  test('axios with a cookie jar', async () => {
    const script = fileURLToPath(new URL('support/axios-client.mjs', import.meta.url));
    const expired = await expiredToken();

    const { stdout } = await promisify(execFile)(process.execPath, [script, demo.url, expired]);

    const [signedIn, first, refreshed, next, ...signedOut] = JSON.parse(stdout) as Seen[];
    expect([signedIn?.status, first, refreshed, next]).toEqual([
      200,
      { status: 200, data: ME, state: 'valid', cookies: signedIn?.cookies },
      { status: 200, data: ME, state: 'refreshable', cookies: [expect.not.stringMatching(expired)] },
      { status: 200, data: ME, state: 'valid', cookies: refreshed?.cookies },
    ]);
    expect(signedOut.map(({ status, cookies }) => [status, cookies])).toEqual([
      [204, []],
      [401, []],
    ]);
  });

  test('curl with -c and -b', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'curl-'));
    const jar = join(folder, 'jar');
    const { hostname } = new URL(demo.url);
    const curl = async (path: string, ...args: string[]): Promise<string> => {
      const always = [
        '--silent',
        '--max-time',
        '10',
        '--cookie',
        jar,
        '--cookie-jar',
        jar,
        '--write-out',
        ' %{http_code}',
      ];
      const { stdout } = await promisify(execFile)('curl', [...always, ...args, `${demo.url}${path}`]);
      return stdout;
    };
    try {
      await curl('/auth/login', '--json', JSON.stringify({ username: 'ada', password: 'lovelace' }));
      expect(await curl('/me')).toBe(`${JSON.stringify(ME)} 200`);
      const line = [`#HttpOnly_${hostname}`, 'FALSE', '/', 'TRUE', '0', '__Host-authorization', await expiredToken()];
      await writeFile(jar, `# Netscape HTTP Cookie File\n${line.join('\t')}\n`);

      expect(await curl('/me', '--include')).toMatch(/^x-token-state: refreshable\r$/im);
      expect(await curl('/me', '--include')).toMatch(/^x-token-state: valid\r$/im);

      const [[, token = ''] = [], ...others] = curlCookies(await readFile(jar, 'utf8'));
      expect([decodePayload(token), others]).toEqual([expect.objectContaining({ gen: 1 }), []]);
      expect(await curl('/auth/logout', '--request', 'POST')).toBe(' 204');
      expect(curlCookies(await readFile(jar, 'utf8'))).toEqual([]);
      expect(await curl('/me')).toMatch(/ 401$/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
