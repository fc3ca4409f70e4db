import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Entries, segment, tokenOf, WaitingNetwork } from '../../../../test/support/client-network.js';
import { RefreshAuthClient, type RefreshAuthClientEvent, type TokenStorage } from './index.js';

const API = 'https://api.example.com';

let network: WaitingNetwork;
let client: RefreshAuthClient;
let storage: TokenStorage;
let heard: RefreshAuthClientEvent[];

beforeEach(() => {
  network = new WaitingNetwork();
  heard = [];
  storage = new Entries();
  client = new RefreshAuthClient({ origins: [API], storage, fetch: network.fetch });
  client.subscribe((event) => heard.push(event));
});

const held = (token: string): void => void storage.setItem('refresh-auth', token);
const toldTokens = (): unknown[] => heard.flatMap((event) => (event.type === 'token' ? [event.token] : []));

describe('a request', () => {
  test('carries the current token, if there is one', async () => {
    const { fetch } = client;
    void fetch(`${API}/me`);
    held(tokenOf('s', 0));
    void fetch(new Request(`${API}/me`));

    expect(network.asked.map(({ authorization }) => authorization)).toEqual([null, `Bearer ${tokenOf('s', 0)}`]);
  });

  test('to another origin carries no token, and its response changes nothing', async () => {
    held(tokenOf('s', 0));
    const others = ['https://evil.example', 'http://api.example.com', 'https://api.example.com:8443'];
    const answers = others.map((origin) => client.fetch(`${origin}/api.example.com`));
    for (const { answer } of network.asked) answer(401, tokenOf('s', 1));
    await Promise.all(answers);

    expect(network.asked.map(({ authorization }) => authorization)).toEqual([null, null, null]);
    expect([client.token, heard]).toEqual([tokenOf('s', 0), []]);
  });

  test('with credentials of its own keeps them, and its response changes nothing', async () => {
    held(tokenOf('s', 0));
    const answered = client.fetch(`${API}/me`, { headers: { authorization: 'Basic QTpC' } });
    network.asked[0]!.answer(401, tokenOf('t', 1));
    await answered;

    expect(network.asked[0]!.authorization).toBe('Basic QTpC');
    expect([client.token, heard]).toEqual([tokenOf('s', 0), []]);
  });

  test('that fails is rejected as fetch rejects it, sent once, and the token stays', async () => {
    held(tokenOf('s', 0));
    const answered = client.fetch(`${API}/me`);
    network.asked[0]!.fail(new TypeError('fetch failed'));

    await expect(answered).rejects.toThrow('fetch failed');
    expect([network.asked.length, client.token, heard]).toEqual([1, tokenOf('s', 0), []]);
  });
});

describe('a response', () => {
  async function answeredWith(status: number, token?: string, url?: string): Promise<Response> {
    const answered = client.fetch(`${API}/me`);
    network.asked.at(-1)!.answer(status, token, url);
    return answered;
  }

  test.each([200, 204, 302, 401, 403, 404, 500, 503])('with status %i delivers the next token', async (status) => {
    held(tokenOf('s', 0));
    const response = await answeredWith(status, tokenOf('s', 1));

    expect([response.status, client.token]).toEqual([status, tokenOf('s', 1)]);
    expect(toldTokens()).toEqual([tokenOf('s', 1)]);
  });

  test('without a token keeps the current one', async () => {
    held(tokenOf('s', 3));
    await answeredWith(200);

    expect([client.token, heard]).toEqual([tokenOf('s', 3), []]);
  });

  test.each([
    '',
    'opaque',
    'a.b.c',
    `x.${segment([1])}.y`,
    `x.${segment({ sid: 's' })}.y`,
    `x.${segment({ gen: 4 })}.y`,
    `x.bnVsbA.y`,
  ])('with a text that is not a token of the library (%j) keeps the current token', async (token) => {
    held(tokenOf('s', 3));
    await answeredWith(200, token);

    expect(client.token).toBe(tokenOf('s', 3));
  });

  test('that was redirected to another origin delivers no token', async () => {
    held(tokenOf('s', 0));
    await answeredWith(200, tokenOf('s', 1), 'https://evil.example/');
    expect(client.token).toBe(tokenOf('s', 0));

    await answeredWith(200, tokenOf('s', 1), `${API}/elsewhere`);
    expect(client.token).toBe(tokenOf('s', 1));
  });

  test('with 401 notifies each listener with its own copy, and keeps the token', async () => {
    held(tokenOf('s', 0));
    const bodies: Promise<string>[] = [];
    for (let listeners = 0; listeners < 2; listeners += 1) {
      client.subscribe((event) => event.type === 'unauthorized' && bodies.push(event.response.text()));
    }
    const response = await answeredWith(401);

    expect([await response.text(), await Promise.all(bodies)]).toEqual(['401', ['401', '401']]);
    expect([client.token, heard.map(({ type }) => type)]).toEqual([tokenOf('s', 0), ['unauthorized']]);
  });

  test('with 401 to a request without a token notifies the listeners too', async () => {
    await answeredWith(401);

    expect(heard.map(({ type }) => type)).toEqual(['unauthorized']);
  });

  test.each([403, 500, 503])('with %i notifies nobody', async (status) => {
    held(tokenOf('s', 0));
    await answeredWith(status);

    expect([network.asked.length, client.token, heard]).toEqual([1, tokenOf('s', 0), []]);
  });
});

describe('responses in any order', () => {
  test.each([[[1, 1, 1]], [[2, 1, 3]], [[3, 2, 1]], [[10, 9, 2]]])(
    'of generations %j leave the latest, once each',
    async (generations) => {
      held(tokenOf('s', 0));
      const answers = generations.map(() => client.fetch(`${API}/me`));
      for (const [index, gen] of generations.entries()) {
        network.asked[index]!.answer(200, tokenOf('s', gen));
        await answers[index];
      }

      expect(client.token).toBe(tokenOf('s', Math.max(...generations)));
      expect(toldTokens()).toEqual([...new Set(toldTokens())]);
    },
  );

  test('a late 401 to a token that was replaced meanwhile notifies nobody', async () => {
    held(tokenOf('s', 0));
    const [late, refreshed] = [client.fetch(`${API}/me`), client.fetch(`${API}/me`)];
    network.asked[1]!.answer(200, tokenOf('s', 1));
    await refreshed;
    network.asked[0]!.answer(401);
    await late;

    expect(heard.map(({ type }) => type)).toEqual(['token']);
  });

  test('a late refresh does not restore a session that was signed out meanwhile', async () => {
    held(tokenOf('s', 0));
    const late = client.fetch(`${API}/me`);
    client.clear();
    network.asked[0]!.answer(200, tokenOf('s', 1));
    await late;

    expect(client.token).toBeUndefined();
  });

  test('a late refresh does not replace a session that was started meanwhile', async () => {
    held(tokenOf('s', 0));
    const [late, signIn] = [client.fetch(`${API}/me`), client.fetch(`${API}/login`, { method: 'POST' })];
    network.asked[1]!.answer(200, tokenOf('t', 0));
    await signIn;
    network.asked[0]!.answer(200, tokenOf('s', 7));
    await late;

    expect(client.token).toBe(tokenOf('t', 0));
  });

  test('a token of the current session counts by its generation, whichever request it answers', async () => {
    const [first, second] = [client.fetch(`${API}/me`), client.fetch(`${API}/me`)];
    network.asked[0]!.answer(200, tokenOf('s', 4));
    await first;
    network.asked[1]!.answer(200, tokenOf('s', 3));
    await second;

    expect(client.token).toBe(tokenOf('s', 4));
  });
});

describe('a 401 token_superseded', () => {
  const request = (init: RequestInit = { method: 'POST', body: 'the body' }): Promise<Response> =>
    client.fetch(`${API}/notes`, init);

  test('to a token that was replaced meanwhile repeats the request once, with the newer token', async () => {
    held(tokenOf('s', 0));
    const answered = request();
    held(tokenOf('s', 1));
    const second = network.nextRequest();
    network.asked[0]!.reject('token_superseded');
    await second;
    network.asked[1]!.reject('token_superseded');
    const response = await answered;

    expect([response.status, await response.json()]).toEqual([401, { code: 'token_superseded' }]);
    expect(network.asked.map(({ authorization }) => authorization)).toEqual(
      [0, 1].map((gen) => `Bearer ${tokenOf('s', gen)}`),
    );
    expect(await Promise.all(network.asked.map(({ body }) => body()))).toEqual(['the body', 'the body']);
    expect([client.token, heard.map(({ type }) => type)]).toEqual([tokenOf('s', 1), ['unauthorized']]);
  });

  test('takes up the token that the second answer carries', async () => {
    held(tokenOf('s', 0));
    const answered = request();
    held(tokenOf('s', 1));
    const second = network.nextRequest();
    network.asked[0]!.reject('token_superseded');
    await second;
    network.asked[1]!.answer(200, tokenOf('s', 2));

    expect([(await answered).status, client.token]).toEqual([200, tokenOf('s', 2)]);
  });

  test('tells of a 401 to the repeated request, which was sent with the current token', async () => {
    held(tokenOf('s', 0));
    const answered = client.fetch(`${API}/me`);
    held(tokenOf('s', 1));
    const repeated = network.nextRequest();
    network.asked[0]!.reject('token_superseded');
    await repeated;
    network.asked[1]!.reject('session_revoked');

    expect([(await answered).status, network.asked.length]).toEqual([401, 2]);
    expect(heard.map(({ type }) => type)).toEqual(['unauthorized']);
  });

  test('to the token that is held repeats nothing, is told, and the token stays until there is another', async () => {
    held(tokenOf('s', 0));
    const answered = request();
    network.asked[0]!.reject('token_superseded');

    expect(await (await answered).json()).toEqual({ code: 'token_superseded' });
    expect([network.asked.length, client.token, heard.map(({ type }) => type)]).toEqual([
      1,
      tokenOf('s', 0),
      ['unauthorized'],
    ]);
    void client.fetch(`${API}/login`, { method: 'POST' });
    expect(network.asked[1]!.authorization).toBe(`Bearer ${tokenOf('s', 0)}`);
  });

  test.each<[string, (token: string) => void, RequestInit, string]>([
    ['the token is gone', () => client.clear(), {}, 'token_superseded'],
    ['the code is another', held, {}, 'token_reused'],
    ['there is no code', held, {}, ''],
    [
      'the body was a stream',
      held,
      { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' },
      'token_superseded',
    ],
  ])('repeats nothing where %s', async (_, change, init, code) => {
    held(tokenOf('s', 0));
    const answered = request(init);
    change(tokenOf('s', 1));
    if (code === '') network.asked[0]!.answer(401);
    else network.asked[0]!.reject(code);

    expect([(await answered).status, network.asked.length]).toEqual([401, 1]);
  });
});

describe('signOut', () => {
  async function signedOutWith(status: number): Promise<Response> {
    const answered = client.signOut(`${API}/logout`);
    network.asked.at(-1)!.answer(status);
    return answered;
  }

  test.each([200, 204, 401])('removes the token once the server has answered %i', async (status) => {
    held(tokenOf('s', 0));
    const response = await signedOutWith(status);

    expect([response.status, client.token]).toEqual([status, undefined]);
    expect(toldTokens()).toEqual([undefined]);
  });

  test('keeps the token after a 401 of another origin, to which a proxy redirected: nobody has ended the session', async () => {
    held(tokenOf('s', 0));
    const signedOut = client.signOut(`${API}/logout`);
    network.asked[0]!.answer(401, undefined, 'https://sso.example/');
    await signedOut;

    expect(client.token).toBe(tokenOf('s', 0));
  });

  test.each([403, 500, 503])('keeps the token after a %i, because the session lives on', async (status) => {
    held(tokenOf('s', 0));
    await signedOutWith(status);

    expect([client.token, heard]).toEqual([tokenOf('s', 0), []]);
  });

  test('keeps the token after a 401 token_superseded: the session goes on', async () => {
    held(tokenOf('s', 0));
    const answered = client.signOut(`${API}/logout`);
    network.asked[0]!.reject('token_superseded');
    await answered;

    expect(client.token).toBe(tokenOf('s', 0));
  });

  test('lets go of what the session was refreshed to meanwhile, and not of another session', async () => {
    held(tokenOf('s', 0));
    const answered = client.signOut(`${API}/logout`);
    held(tokenOf('s', 1));
    network.asked[0]!.answer(204);
    await answered;
    expect(client.token).toBeUndefined();

    held(tokenOf('s', 1));
    const again = client.signOut(`${API}/logout`);
    held(tokenOf('t', 0));
    network.asked[1]!.answer(204);
    await again;
    expect(client.token).toBe(tokenOf('t', 0));
  });

  test('sends POST by default', async () => {
    const methods: string[] = [];
    const recording: typeof fetch = async (input, init) => {
      methods.push(new Request(input, init).method);
      return new Response(null, { status: 204 });
    };
    const recorded = new RefreshAuthClient({ origins: [API], fetch: recording });

    await recorded.signOut(`${API}/logout`);
    await recorded.signOut(`${API}/session`, { method: 'DELETE' });

    expect(methods).toEqual(['POST', 'DELETE']);
  });
});

describe('listeners', () => {
  test('receive nothing after they unsubscribed', async () => {
    const stop = client.subscribe(() => heard.push({ type: 'token', token: 'told twice', elsewhere: false }));
    stop();
    held(tokenOf('s', 0));
    client.clear();
    await Promise.resolve();

    expect(heard).toEqual([{ type: 'token', token: undefined, elsewhere: false }]);
  });

  test('are not notified by clear() if there is no token', async () => {
    client.clear();
    await Promise.resolve();

    expect(heard).toEqual([]);
  });
});

describe('in a browser', () => {
  const browser = globalThis as { window?: unknown; document?: unknown };
  let local: Entries;
  let otherTab: (change: object) => void;
  let pageshow: () => void;

  beforeEach(() => {
    local = new Entries();
    const listeners = new Set<[type: string, listener: (change: object) => void]>();
    const emit = (type: string, change: object): void =>
      listeners.forEach(([on, listener]) => on === type && listener(change));
    otherTab = (change) => emit('storage', change);
    pageshow = () => emit('pageshow', {});
    browser.document = {};
    browser.window = {
      location: { origin: API },
      localStorage: local,
      addEventListener: (type: string, listener: (change: object) => void) => listeners.add([type, listener]),
      removeEventListener: (type: string, listener: (change: object) => void) =>
        listeners.forEach((entry) => entry[0] === type && entry[1] === listener && listeners.delete(entry)),
    };
  });

  afterEach(() => {
    delete browser.document;
    delete browser.window;
  });

  test.each(['null', 'capacitor://localhost', 'chrome-extension://abc'])(
    'a page of the origin %s, which is no API, is told to write `origins`',
    (origin) => {
      Object.assign(browser.window as object, { location: { origin } });

      expect(() => new RefreshAuthClient()).toThrow('`origins` is missing');
    },
  );

  test('the token in localStorage, under a key that can be chosen, is sent to the page’s own origin', async () => {
    const own = new RefreshAuthClient({ fetch: network.fetch, key: 'token' });
    local.set('token', tokenOf('s', 0));
    const answered = own.fetch(`${API}/me`);
    void own.fetch('https://elsewhere.example/me');
    network.asked[0]!.answer(200, tokenOf('s', 1));
    await answered;

    expect(network.asked.map(({ authorization }) => authorization)).toEqual([`Bearer ${tokenOf('s', 0)}`, null]);
    expect([...local]).toEqual([['token', tokenOf('s', 1)]]);
  });

  test('listeners learn of changes in other tabs until they unsubscribe', async () => {
    const own = new RefreshAuthClient({ fetch: network.fetch });
    const stop = own.subscribe((event) => heard.push(event));
    local.set('refresh-auth', tokenOf('s', 1));
    otherTab({ key: 'refresh-auth', storageArea: local });
    otherTab({ key: 'another entry', storageArea: local });
    otherTab({ key: 'refresh-auth', storageArea: new Entries() });
    local.clear();
    otherTab({ key: null, storageArea: local });
    await Promise.resolve();
    stop();
    local.set('refresh-auth', tokenOf('s', 2));
    otherTab({ key: 'refresh-auth', storageArea: local });
    await Promise.resolve();

    expect(heard).toEqual([
      { type: 'token', token: tokenOf('s', 1), elsewhere: true },
      { type: 'token', token: undefined, elsewhere: true },
    ]);
  });

  test('listeners learn once of a sign-out in another tab while the page was in the back/forward cache', async () => {
    local.set('refresh-auth', tokenOf('s', 1));
    const own = new RefreshAuthClient({ fetch: network.fetch });
    own.subscribe((event) => heard.push(event));
    own.subscribe(() => undefined);
    pageshow();
    local.clear();
    pageshow();
    pageshow();
    await Promise.resolve();

    expect(heard).toEqual([{ type: 'token', token: undefined, elsewhere: true }]);
  });

  test('the token is kept in memory if storage is blocked', async () => {
    Object.defineProperty(browser.window, 'localStorage', {
      get: () => {
        throw new Error('SecurityError');
      },
    });
    const own = new RefreshAuthClient({ fetch: network.fetch });
    const answered = own.fetch(`${API}/me`);
    network.asked[0]!.answer(200, tokenOf('s', 0));
    await answered;

    expect(own.token).toBe(tokenOf('s', 0));
  });
});

test('the session is that of the token, whatever its generation', () => {
  const sessions = [client.session];
  for (const token of [tokenOf('s', 0), tokenOf('s', 1), tokenOf('t', 0)]) {
    held(token);
    sessions.push(client.session);
  }

  expect(sessions).toEqual([undefined, 's', 's', 't']);
});

describe('origins', () => {
  test('are required outside of a browser', () => {
    expect(() => new RefreshAuthClient()).toThrow('`origins` is missing: write the origins to which the token is sent');
  });

  test.each([
    '',
    'api.example.com',
    'https://api.example.com/',
    'https://API.example.com',
    'null',
    'file://',
    'data:x',
  ])('are not %j', (origin) => {
    expect(() => new RefreshAuthClient({ origins: [origin] })).toThrow('write scheme://host[:port] and nothing more');
  });
});
