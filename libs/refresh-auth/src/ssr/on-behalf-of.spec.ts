import { beforeEach, describe, expect, test } from '@jest/globals';
import { tokenOf } from '../../../../test/support/client-network.js';
import { type BrowserHeaders, onBehalfOf, type OnBehalfOfOptions } from './index.js';

const API = 'http://api:3000';
const SESSION = '__Host-authorization';
const PAST = { exp: 1 };

let sent: { url: string; init: RequestInit; headers: Record<string, string> }[];
/** The `Set-Cookie` lines of the next responses. */
let answers: string[][];

beforeEach(() => {
  sent = [];
  answers = [];
});

const network: typeof fetch = async (url, init = {}) => {
  sent.push({ url: new Request(url).url, init, headers: Object.fromEntries(new Headers(init.headers)) });
  return new Response('{}', {
    headers: (answers.shift() ?? []).map((line) => ['Set-Cookie', line] as [string, string]),
  });
};

const apiFor = (headers: BrowserHeaders, options: Partial<OnBehalfOfOptions> = {}): ReturnType<typeof onBehalfOf> =>
  onBehalfOf(headers, { api: API, canSetCookies: true, fetch: network, ...options });

describe('a request to the API', () => {
  test('carries the cookies of the browser, and none of its other headers', async () => {
    const api = apiFor(
      new Headers({
        cookie: 'a=1; b=2',
        origin: 'https://front.example',
        'sec-fetch-site': 'same-origin',
        authorization: 'Bearer x',
      }),
    );
    await api.fetch('/me?q', { headers: { Accept: 'application/json' } });

    expect(sent).toEqual([
      expect.objectContaining({ url: `${API}/me?q`, headers: { accept: 'application/json', cookie: 'a=1; b=2' } }),
    ]);
    expect(sent[0]!.init).toMatchObject({ cache: 'no-store', redirect: 'manual' });
  });

  test('says that it must not refresh where no cookie can be set', async () => {
    await apiFor({ cookie: 'a=1' }, { canSetCookies: false }).fetch('/me');
    await apiFor({ cookie: 'a=1' }).fetch('/me');

    expect(sent.map(({ headers }) => headers['refresh-auth'])).toEqual(['no-refresh', undefined]);
  });

  test.each<[string, BrowserHeaders]>([
    ['Headers', new Headers({ Cookie: 'a=1', Origin: 'https://front.example', 'Sec-Fetch-Site': 'same-site' })],
    ['the object of Node.js', { cookie: 'a=1', origin: 'https://front.example', 'sec-fetch-site': 'same-site' }],
  ])('of an unsafe method hands on where the browser’s request came from, read from %s', async (_, headers) => {
    await apiFor(headers).fetch('/notes', { method: 'post' });

    expect(sent[0]!.headers).toEqual({ cookie: 'a=1', origin: 'https://front.example', 'sec-fetch-site': 'same-site' });
  });

  test.each(['POST', 'put', 'DELETE', 'PATCH'])(
    'by %s is refused without these headers, and not sent',
    async (method) => {
      const response = await apiFor({ cookie: 'a=1' }).fetch('/notes', { method });

      expect([response.status, await response.json(), sent]).toEqual([
        403,
        expect.objectContaining({ code: 'request_cross_site', message: expect.stringContaining('Pass all headers') }),
        [],
      ]);
    },
  );

  test('of an unsafe method says nothing about its origin that the browser did not say', async () => {
    await apiFor({ cookie: 'a=1', origin: 'https://evil.example' }).fetch('/notes', {
      method: 'POST',
      headers: { 'Sec-Fetch-Site': 'same-origin' },
    });

    expect(sent[0]!.headers).toEqual({ cookie: 'a=1', origin: 'https://evil.example' });
  });

  test('never follows a redirect, even if told to: some runtimes would send the cookie to another host', async () => {
    await apiFor({ cookie: 'a=1' }).fetch('/me', { redirect: 'follow' });

    expect(sent[0]!.init).toMatchObject({ redirect: 'manual' });
  });

  test('carries all cookies if the framework has several lines of them (RFC 9113 section 8.2.3)', async () => {
    await apiFor({ cookie: ['a=1', 'b=2'] }).fetch('/me');

    expect(sent[0]!.headers['cookie']).toBe('a=1; b=2');
  });

  test.each(['a=1\r\nRefresh-Auth: no-refresh', 'a=1\0', 'a=€'])(
    'whose cookie would add a header (%j) is not sent, and the error does not show the cookie',
    async (cookie) => {
      await expect(apiFor({ cookie }).fetch('/me')).rejects.toThrow(
        /^The `Cookie` header of the browser's request has/,
      );
      expect(sent).toEqual([]);
    },
  );

  test.each(['https://evil.example/', '//evil.example/me', 'http://api:3001/me', 'file:///me'])(
    'to %s is not sent',
    async (path) => {
      await expect(apiFor({ cookie: 'a=1' }).fetch(path)).rejects.toThrow(`is not on ${API}`);
      expect(sent).toEqual([]);
    },
  );
});

describe('cookies of responses', () => {
  const line = (value: string, more = 'Path=/; Secure'): string => `${SESSION}=${value}; ${more}`;
  const browser = (token: string): BrowserHeaders => ({ cookie: `theme=dark; ${SESSION}=${token}` });

  test('are handed back once each, the newest generation last', async () => {
    const api = apiFor(browser(tokenOf('s', 0)));
    answers = [
      [line(tokenOf('s', 2)), 'own=1; Path=/'],
      [line(tokenOf('s', 1))],
      [line(tokenOf('s', 2), 'Path=/; Secure; Max-Age=9')],
    ];
    for (let requests = 0; requests < 3; requests += 1) await api.fetch('/me');

    expect(api.setCookies).toEqual([line(tokenOf('s', 2), 'Path=/; Secure; Max-Age=9'), 'own=1; Path=/']);
    expect(api.cookie).toBe(`theme=dark; ${SESSION}=${tokenOf('s', 2)}; own=1`);
  });

  test('[F25] do not make the successor count as used: the next request carries the token that the browser has', async () => {
    const api = apiFor(browser(tokenOf('s', 0)));
    answers = [[line(tokenOf('s', 1))]];
    await api.fetch('/me');
    await api.fetch('/me');

    expect(sent[1]!.headers['cookie']).toBe(`theme=dark; ${SESSION}=${tokenOf('s', 0)}`);
  });

  test('of a sign-in and of a sign-out are used by the next request', async () => {
    const api = apiFor({ ...browser(tokenOf('s', 0)), origin: 'https://front.example' });
    answers = [
      [line('', 'Path=/; Secure; Max-Age=0')],
      [line(tokenOf('t', 0))],
      [line('', 'Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT')],
    ];
    for (const path of ['/logout', '/login', '/logout']) await api.fetch(path, { method: 'POST' });
    await api.fetch('/me');

    expect(sent.map(({ headers }) => headers['cookie'])).toEqual([
      `theme=dark; ${SESSION}=${tokenOf('s', 0)}`,
      'theme=dark',
      `theme=dark; ${SESSION}=${tokenOf('t', 0)}`,
      'theme=dark',
    ]);
  });

  test.each<[string, string, string]>([
    ['of the same name on another domain', SESSION, `${SESSION}=; Max-Age=0; Domain=.example; Path=/`],
    ['of another name', 'authorization', 'authorization=; Max-Age=0; Path=/'],
  ])(
    '[F21] that remove one of an earlier deployment, %s, do not take the token from the next request',
    async (_, name, removal) => {
      const api = apiFor({ cookie: `${name}=${tokenOf('s', 0)}` });
      answers = [[removal, line(tokenOf('s', 1))]];
      await api.fetch('/me');
      await api.fetch('/me');

      expect(sent[1]!.headers['cookie']).toBe(`${name}=${tokenOf('s', 0)}`);
      expect([api.setCookies, api.cookie]).toEqual([[removal, line(tokenOf('s', 1))], `${SESSION}=${tokenOf('s', 1)}`]);
    },
  );

  test.each<[string, string, string]>([
    ['sign-in', tokenOf('t', 0), 'Path=/; Secure'],
    ['sign-out', '', 'Path=/; Secure; Max-Age=0'],
  ])('of a late refresh do not undo a %s', async (_, value, more) => {
    const api = apiFor({ ...browser(tokenOf('s', 0)), origin: 'https://front.example' });
    answers = [[line(value, more)], [line(tokenOf('s', 1))]];
    await api.fetch('/log', { method: 'POST' });
    await api.fetch('/me');

    expect(api.setCookies).toEqual([line(value, more)]);
  });

  test('are told apart by the case of name and path, not of the domain (RFC 6265bis section 5.6.3)', async () => {
    const api = apiFor({});
    answers = [
      ['a=1; Path=/x; Domain=.Front.example', 'A=2; Path=/x', 'a=3; Path=/X', 'a=4; Path=/x; Domain=front.example'],
    ];
    await api.fetch('/me');

    expect(api.setCookies).toEqual(['a=4; Path=/x; Domain=front.example', 'A=2; Path=/x', 'a=3; Path=/X']);
  });

  test('are not handed back where none can be set', async () => {
    const api = apiFor(browser(tokenOf('s', 0)), { canSetCookies: false });
    answers = [[line(tokenOf('s', 1))]];
    await api.fetch('/me');

    expect([api.setCookies, api.cookie]).toEqual([[], `theme=dark; ${SESSION}=${tokenOf('s', 0)}`]);
  });
});

describe('refresh()', () => {
  const browser = (claims: object): BrowserHeaders => ({ cookie: `${SESSION}=${tokenOf('s', 0, claims)}` });

  test('sends one GET if the token has expired', async () => {
    answers = [[`${SESSION}=${tokenOf('s', 1)}; Path=/`]];
    const api = apiFor(browser(PAST));
    await api.refresh('/me');

    expect([sent.map(({ url }) => url), api.cookie]).toEqual([[`${API}/me`], `${SESSION}=${tokenOf('s', 1)}`]);
  });

  test.each<[string, BrowserHeaders, boolean]>([
    ['the token is valid', browser({ exp: Date.now() }), true],
    ['there is no token', { cookie: 'theme=dark' }, true],
    ['there is no cookie', {}, true],
    ['no cookie can be set', browser(PAST), false],
  ])('sends nothing if %s', async (_, headers, canSetCookies) => {
    await apiFor(headers, { canSetCookies }).refresh('/me');

    expect(sent).toEqual([]);
  });

  test('does not wait for a copy of the response that a framework keeps and does not read', async () => {
    const copies: Response[] = [];
    const api = apiFor(browser(PAST), {
      fetch: async () => {
        const response = new Response('{}');
        copies.push(response.clone());
        return response;
      },
    });

    await expect(api.refresh('/me')).resolves.toBeUndefined();
    expect(copies).toHaveLength(1);
  });

  test('does not reject if the API is down', async () => {
    const api = apiFor(browser(PAST), { fetch: () => Promise.reject(new TypeError('fetch failed')) });

    await expect(api.refresh('/me')).resolves.toBeUndefined();
  });
});

describe('wrong arguments', () => {
  test.each(['', 'api:3000', 'http://api:3000/v1', 'http://user@api:3000'])('%j is no api', (api) => {
    expect(() => onBehalfOf({}, { api, canSetCookies: true })).toThrow('write scheme://host[:port] and nothing more');
  });

  test('missing headers are named', () => {
    expect(() => onBehalfOf(undefined as never, { api: API, canSetCookies: true })).toThrow(
      'pass the headers of the browser',
    );
  });
});
