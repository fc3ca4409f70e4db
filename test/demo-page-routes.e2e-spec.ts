// The files and routes that the page of the demo needs.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { issueAged, HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { bearer, delivered } from './support/delivered.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, refusal, storeUnavailable } from './support/http-refusals.js';

const JWT_SECRET = 'the secret of the page’s routes, known to its tests';
const ADA = { sub: '1', type: 'admin', scope: 'read write' };

describe.each(adapters)('what the demo has for its page, on %s', (HTTP_ADAPTER) => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({ HTTP_ADAPTER, JWT_SECRET, STORE_TIMEOUT: '8s' });
  });

  afterAll(() => demo.stop());

  const ask = (path: string, options?: RequestOptions): Promise<HttpAnswer> => send(`${demo.url}${path}`, options);
  const login = (limits: object, base = ''): Promise<HttpAnswer> =>
    ask(`${base}/auth/login`, { method: 'POST', body: { username: 'ada', password: 'lovelace', ...limits } });
  const turnStore = (running: unknown, method = 'PUT'): Promise<HttpAnswer> =>
    ask('/faults/store', { method, body: { running } });

  test.each([
    ['/', 'text/html; charset=utf-8'],
    ['/page/app.js', 'text/javascript; charset=utf-8'],
    ['/page/page.css', 'text/css; charset=utf-8'],
    ['/page/icon.svg', 'image/svg+xml'],
    ['/page/client.js', 'text/javascript; charset=utf-8'],
    ['/page/docs/demo.md', 'text/plain; charset=utf-8'],
  ])('%s is served as %s, with nosniff', async (path, type) => {
    const { status, headers } = await ask(path);

    expect([status, headers['content-type'], headers['x-content-type-options']]).toEqual([200, type, 'nosniff']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });

  test.each([
    '/page/none.js',
    '/page/..%2fpackage.json',
    '/page/..%2f..%2fpackage.json',
    '/page/docs/..%2fREADME.md',
    '/page/tsconfig.json',
  ])('%s is not', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  test('a sign-in can have shorter times', async () => {
    const answer = await login({ expiresIn: 2, refreshWindow: 10, sessionLifetime: 20 });

    const { iat, exp, refresh_exp, session_lifetime } = decodePayload(delivered(answer).header ?? '');
    expect([Number(exp) - Number(iat), Number(refresh_exp) - Number(iat), session_lifetime]).toEqual([2, 10, 20]);
  });

  test.each([
    [{ expiresIn: 901 }, "signIn: option `expiresIn` is 901 s, longer than the module's 900 s"],
    [{ refreshWindow: 900 }, 'signIn: option `refreshWindow` is 900 s, not longer than expiresIn (900 s)'],
    [{ sessionLifetime: '31d' }, "signIn: option `sessionLifetime` is 2678400 s, longer than the module's 2592000 s"],
    [{ expiresIn: {} }, 'signIn: option `expiresIn` is of type object'],
  ])('but not %j', async (limits, message) => {
    const answer = await login(limits);

    expect([answer.status, delivered(answer).header]).toEqual([400, undefined]);
    expect((answer.json() as { message: string }).message).toContain(message);
  });

  test('under /grace there is another module, whose tokens the first one rejects', async () => {
    const signedIn = await login({}, '/grace');
    const { header: token = '' } = delivered(signedIn);

    // Under reuse detection a client must not keep two copies.
    expect(signedIn.setCookies).toEqual([]);
    const me = await ask('/grace/me', bearer(token));
    expect([me.status, me.headers['x-token-state'], me.json()]).toEqual([
      200,
      'valid',
      { uid: 1, type: ADA.type, scope: ADA.scope },
    ]);
    expect(refusal(await ask('/me', bearer(token)))).toEqual(dead('token_invalid'));
    expect((await ask('/grace/auth/session', bearer(token))).json()).toMatchObject({ state: 'valid' });
    expect((await ask('/grace/auth/logout-everywhere', { method: 'POST', body: '', ...bearer(token) })).status).toBe(
      204,
    );
    expect(refusal(await ask('/grace/me', bearer(token)))).toEqual(dead('session_revoked'));
    expect(refusal(await ask('/grace/me'))).toEqual(dead('token_missing'));
  });

  test('the store can be stopped and started, and nobody is logged out', async () => {
    const { token } = issueAged(HOUR, { secret: JWT_SECRET }, ADA);

    expect((await turnStore(false)).json()).toEqual({ running: false });
    expect((await ask('/about')).json()).toMatchObject({ storeState: 'stopped' });
    expect(refusal(await ask('/me', bearer(token)))).toEqual(storeUnavailable);
    expect((await ask('/me', bearer(delivered(await login({})).header ?? ''))).status).toBe(200);
    expect((await turnStore(true)).json()).toEqual({ running: true });
    let answer = await ask('/me', bearer(token));
    while (answer.status === 503) answer = await ask('/me', bearer(token));
    expect(answer.headers['x-token-state']).toBe('refreshable');
  });

  test.each([undefined, 'false', 0, null])('%j is neither', async (running) => {
    expect((await turnStore(running)).status).toBe(400);
  });

  test('pages of other sites cannot use the switch: a request without a preflight is refused', async () => {
    expect((await turnStore(false, 'POST')).status).toBe(404);
    expect((await ask('/faults/store')).json()).toEqual({ running: true });
  });
});

test.each(adapters)('with DEMO_FAULTS=0, on %s, there is no switch', async (HTTP_ADAPTER) => {
  const demo = await startDemo({ HTTP_ADAPTER, DEMO_FAULTS: '0' });
  try {
    for (const method of ['GET', 'PUT']) {
      expect((await send(`${demo.url}/faults/store`, { method, body: { running: false } })).status).toBe(404);
    }
  } finally {
    await demo.stop();
  }
});
