// The client where storage, browser, caches, proxies and clocks do not work as they should.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { fetch as undiciFetch, Request as UndiciRequest } from 'undici';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Entries, segment, tokenOf, WaitingNetwork } from '../../../../test/support/client-network.js';
import { RefreshAuthClient, type RefreshAuthClientEvent, type TokenStorage } from './index.js';

const API = 'https://api.example.com';
const KEY = 'refresh-auth';
const HOUR = 3600;

let network: WaitingNetwork;
let heard: RefreshAuthClientEvent[];

beforeEach(() => {
  network = new WaitingNetwork();
  heard = [];
});

function clientWith(storage: TokenStorage): RefreshAuthClient {
  const client = new RefreshAuthClient({ origins: [API], storage, fetch: network.fetch });
  client.subscribe((event) => heard.push(event));
  return client;
}

/** Answers the next request of the client. */
async function exchange(client: RefreshAuthClient, token: string | undefined, init?: RequestInit): Promise<Response> {
  const request = network.nextRequest();
  const answered = client.fetch(`${API}/me`, init);
  await request;
  network.asked.at(-1)!.answer(200, token);
  return answered;
}

const POST = { method: 'POST' };
const sent = (): unknown[] => network.asked.map(({ authorization }) => authorization?.replace('Bearer ', ''));

describe('[F58] a storage that', () => {
  const refusing = (entries: Entries, methods: (keyof TokenStorage)[]): TokenStorage => ({
    getItem: entries.getItem,
    setItem: entries.setItem,
    removeItem: entries.removeItem,
    ...Object.fromEntries(
      methods.map((method) => [
        method,
        () => {
          throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
        },
      ]),
    ),
  });

  test('is full does not lose the answer: the token is held in memory', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    const client = clientWith(refusing(entries, ['setItem']));
    const response = await exchange(client, tokenOf('s', 1));
    void client.fetch(`${API}/me`);

    expect([response.status, client.token]).toEqual([200, tokenOf('s', 1)]);
    expect(sent()).toEqual([tokenOf('s', 0), tokenOf('s', 1)]);
  });

  test('is full keeps the older token of the session, which can be refreshed after a reload', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    await exchange(clientWith(refusing(entries, ['setItem'])), tokenOf('s', 1));

    expect(clientWith(entries).token).toBe(tokenOf('s', 0));
  });

  test('is full does not keep the token of another session', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    const client = clientWith(refusing(entries, ['setItem']));
    await exchange(client, tokenOf('t', 0), POST);

    expect([client.token, entries.size]).toEqual([tokenOf('t', 0), 0]);
  });

  test('is full again follows what another tab writes', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    const client = clientWith(refusing(entries, ['setItem']));
    await exchange(client, tokenOf('s', 1));
    entries.set(KEY, tokenOf('s', 2));

    expect(client.token).toBe(tokenOf('s', 2));
    entries.delete(KEY);
    expect(client.token).toBeUndefined();
  });

  test.each<[string, (keyof TokenStorage)[]]>([
    ['throws always', ['getItem', 'setItem', 'removeItem']],
    ['cannot be written', ['setItem', 'removeItem']],
    ['can only be written', ['getItem', 'removeItem']],
  ])('%s signs in, refreshes and signs out in memory', async (_, methods) => {
    const client = clientWith(refusing(new Entries(), methods));
    await exchange(client, tokenOf('s', 0), POST);
    await exchange(client, tokenOf('s', 1));
    const signedOut = client.signOut(`${API}/logout`);
    network.asked.at(-1)!.answer(204);
    await signedOut;

    expect([sent(), client.token]).toEqual([[undefined, tokenOf('s', 0), tokenOf('s', 1)], undefined]);
  });

  test('ignores writes without an error does not lose the token', async () => {
    const client = clientWith({ getItem: () => null, setItem: () => undefined, removeItem: () => undefined });
    await exchange(client, tokenOf('s', 0), POST);

    expect(client.token).toBe(tokenOf('s', 0));
  });

  test('can no longer be read does not lose the token', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    const storage = refusing(entries, []);
    const client = clientWith(storage);
    expect(client.token).toBe(tokenOf('s', 0));
    Object.assign(storage, refusing(entries, ['getItem']));

    expect(client.token).toBe(tokenOf('s', 0));
  });

  test('answers reads at once and rejects writes later leaves no rejection unhandled, which would end a Node.js process', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const fail = async (): Promise<never> => {
        throw new Error('the disk is full');
      };
      const client = clientWith({ getItem: () => null, setItem: fail, removeItem: fail });
      await exchange(client, tokenOf('s', 0), POST);
      expect(client.token).toBe(tokenOf('s', 0));
      client.clear();
      await new Promise(setImmediate);

      expect([client.token, unhandled]).toEqual([undefined, []]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });

  test('cannot remove the token signs out all the same', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    const client = clientWith(refusing(entries, ['removeItem']));
    client.clear();

    expect(client.token).toBeUndefined();
  });
});

describe('[F59] an asynchronous storage', () => {
  class Promised implements TokenStorage {
    reads = 0;
    constructor(readonly entries: Entries) {}
    async getItem(key: string): Promise<string | null> {
      this.reads += 1;
      return this.entries.getItem(key);
    }
    async setItem(key: string, value: string): Promise<void> {
      this.entries.set(key, value);
    }
    async removeItem(key: string): Promise<void> {
      this.entries.delete(key);
    }
  }

  test('is read once, before the first request, and written to', async () => {
    const storage = new Promised(new Entries([[KEY, tokenOf('s', 0)]]));
    const client = clientWith(storage);
    const request = network.nextRequest();
    const answered = client.fetch(`${API}/me`);
    await request;
    network.asked[0]!.answer(200, tokenOf('s', 1));
    await answered;
    await client.ready;

    expect([sent(), client.token]).toEqual([[tokenOf('s', 0)], tokenOf('s', 1)]);
    expect([storage.reads, storage.entries.get(KEY)]).toEqual([1, tokenOf('s', 1)]);
  });

  test('has given its token once `ready` resolves', async () => {
    const client = clientWith(new Promised(new Entries([[KEY, tokenOf('s', 0)]])));
    await client.ready;

    expect(client.token).toBe(tokenOf('s', 0));
  });

  test('writes in the order of the answers', async () => {
    const written: string[] = [];
    const resolvers: (() => void)[] = [];
    const client = clientWith({
      getItem: async () => null,
      setItem: (_, value) => {
        written.push(value);
        return new Promise<void>((resolve) => resolvers.push(resolve));
      },
      removeItem: async () => void written.push('removed'),
    });
    await client.ready;
    await exchange(client, tokenOf('s', 0), POST);
    client.clear();
    await Promise.resolve();
    expect(written).toEqual([tokenOf('s', 0)]);
    resolvers[0]!();
    await new Promise(setImmediate);

    expect(written).toEqual([tokenOf('s', 0), 'removed']);
  });

  test('that fails leaves the token in memory', async () => {
    const fail = async (): Promise<never> => {
      throw new Error('the disk is full');
    };
    const client = clientWith({ getItem: fail, setItem: fail, removeItem: fail });
    await client.ready;
    await exchange(client, tokenOf('s', 0), POST);

    expect(client.token).toBe(tokenOf('s', 0));
  });

  test('that is still being read does not bring back what clear() removed, nor its session', async () => {
    const storage = new Promised(new Entries([[KEY, tokenOf('s', 0)]]));
    const client = clientWith(storage);
    client.clear();
    await client.ready;
    await exchange(client, tokenOf('s', 1), POST);
    await new Promise(setImmediate);

    expect([client.token, storage.entries.size]).toEqual([undefined, 0]);
  });

  test('that is still being read does not bring back what was signed out', async () => {
    const client = clientWith(new Promised(new Entries([[KEY, tokenOf('s', 0)]])));
    const signedOut = client.signOut(`${API}/logout`);
    const request = network.nextRequest();
    await request;
    network.asked[0]!.answer(204);
    await signedOut;

    expect([sent(), client.token]).toEqual([[tokenOf('s', 0)], undefined]);
  });
});

describe('[F59] without URL, URL.canParse and atob, as in React Native', () => {
  const { URL, atob } = globalThis;

  beforeEach(() => {
    Object.assign(globalThis, { URL: undefined, atob: undefined });
  });

  afterEach(() => {
    Object.assign(globalThis, { URL, atob });
  });

  test.each([
    [`${API}/me`, true],
    [API, true],
    [`${API}?q`, true],
    [`${API}:8443/me`, false],
    [`${API}.evil.example/me`, false],
    [`${API}\\@evil.example/me`, false],
    [`${API}@evil.example/me`, false],
    ['https://evil.example/me', false],
  ])('%s gets the token: %s', async (url, isOurs) => {
    const urls: unknown[] = [];
    const client = new RefreshAuthClient({
      origins: [API],
      storage: new Entries([[KEY, tokenOf('s', 0)]]),
      fetch: async (input, init) => {
        urls.push(input, new Headers(init?.headers).get('Authorization'));
        return new Response();
      },
    });
    await client.fetch(url);

    expect(urls).toEqual([url, isOurs ? `Bearer ${tokenOf('s', 0)}` : null]);
  });

  test('origins are checked, and tokens are read', async () => {
    expect(() => new RefreshAuthClient({ origins: [`${API}/`] })).toThrow('write scheme://host[:port]');
    const client = new RefreshAuthClient({
      origins: [API],
      fetch: async () => new Response(null, { headers: { Authorization: `Bearer ${tokenOf('s', 0)}` } }),
    });
    await client.fetch(`${API}/login`, POST);

    expect(client.token).toBe(tokenOf('s', 0));
  });
});

describe('[F9] an answer from a cache', () => {
  test('with the token of a user who signed out does not replace the token of the next user', async () => {
    const client = clientWith(new Entries());
    await exchange(client, tokenOf('a', 0, { iat: 1 }), POST);
    const signedOut = client.signOut(`${API}/logout`);
    network.asked.at(-1)!.answer(204);
    await signedOut;
    await exchange(client, tokenOf('a', 3, { iat: 900 }));
    expect(client.token).toBeUndefined();
    await exchange(client, tokenOf('b', 0, { iat: 2 }), POST);
    await exchange(client, tokenOf('a', 3, { iat: 900 }));

    expect(client.token).toBe(tokenOf('b', 0, { iat: 2 }));
  });

  test.each([
    [1, false],
    [2, false],
    [3, true],
  ])('with a token of another session, issued at %i instead of 2, is taken up: %s', async (iat, isTaken) => {
    const held = tokenOf('b', 0, { iat: 2 });
    const client = clientWith(new Entries([[KEY, held]]));
    const received = tokenOf('a', 0, { iat });
    await exchange(client, received);

    expect(client.token).toBe(isTaken ? received : held);
  });

  test('is no answer to a POST: a sign-in counts, though the clock of the process that issued the held token was ahead', async () => {
    const client = clientWith(new Entries([[KEY, tokenOf('a', 4, { iat: 60 })]]));
    await exchange(client, tokenOf('b', 0, { iat: 1 }), POST);

    expect(client.token).toBe(tokenOf('b', 0, { iat: 1 }));
  });

  test('does not bring back a session that another tab signed out or replaced', async () => {
    const entries = new Entries([[KEY, tokenOf('a', 0, { iat: 1 })]]);
    const client = clientWith(entries);
    void client.fetch(`${API}/me`);
    entries.delete(KEY);
    void client.fetch(`${API}/public`);
    network.asked[0]!.answer(200, tokenOf('a', 1, { iat: 2 }));
    await exchange(client, tokenOf('a', 1, { iat: 2 }));
    expect(client.token).toBeUndefined();

    entries.set(KEY, tokenOf('b', 0, { iat: 1 }));
    await exchange(client, tokenOf('a', 1, { iat: 2 }), POST);
    expect(client.token).toBe(tokenOf('b', 0, { iat: 1 }));
  });
});

describe('clear() beside a cookie', () => {
  test('ignores the tokens by which the server goes on refreshing the cookie', async () => {
    const client = clientWith(new Entries([[KEY, tokenOf('s', 0, { iat: 1 })]]));
    client.clear();
    await exchange(client, tokenOf('s', 1, { iat: 2 }));
    expect(client.token).toBeUndefined();
    await exchange(client, tokenOf('t', 0, { iat: 3 }), POST);

    expect(client.token).toBe(tokenOf('t', 0, { iat: 3 }));
  });
});

describe('a request is never repeated as another session:', () => {
  test('after 401 token_superseded', async () => {
    const entries = new Entries([[KEY, tokenOf('a', 0)]]);
    const answered = clientWith(entries).fetch(`${API}/notes`, { ...POST, body: 'of user A' });
    entries.set(KEY, tokenOf('b', 7));
    network.asked[0]!.reject('token_superseded');

    expect([(await answered).status, network.asked.length]).toEqual([401, 1]);
  });
});

describe('a storage that holds', () => {
  test.each(['', 'null', 'undefined', '[object Object]', '{"token":"x"}', 'a.b.c\nd', 'ü.ä.ö', '..', 'x'.repeat(9000)])(
    'rubbish (%#) counts as empty, and the rubbish is not sent',
    async (rubbish) => {
      const client = clientWith(new Entries([[KEY, rubbish]]));
      await exchange(client, undefined);

      expect([client.token, sent()]).toEqual([undefined, [undefined]]);
    },
  );

  test('the token of another application is sent only to the API, and replaced at sign-in', async () => {
    const foreign = `${segment({ alg: 'HS256' })}.${segment({ sub: '1' })}.c2ln`;
    const client = clientWith(new Entries([[KEY, foreign]]));
    await exchange(client, tokenOf('s', 0, { iat: 1 }), POST);

    expect([sent(), client.token]).toEqual([[foreign], tokenOf('s', 0, { iat: 1 })]);
  });
});

describe('the option retries', () => {
  const patient = (storage = new Entries([[KEY, tokenOf('s', 0)]])): RefreshAuthClient =>
    new RefreshAuthClient({ origins: [API], storage, fetch: network.fetch, retries: 2 });
  const answer503 = (after?: string): void =>
    network.asked.at(-1)!.answer(503, undefined, undefined, after === undefined ? {} : { 'Retry-After': after });

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  test('sends a GET again after the delay that Retry-After names, with the current token, as often as it says', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    const answered = patient(entries).fetch(`${API}/me`);
    answer503('1');
    await jest.advanceTimersByTimeAsync(999);
    expect(network.asked).toHaveLength(1);
    entries.set(KEY, tokenOf('s', 1));
    await jest.advanceTimersByTimeAsync(1);
    expect(sent()).toEqual([tokenOf('s', 0), tokenOf('s', 1)]);
    answer503('1');
    await jest.advanceTimersByTimeAsync(1000);
    answer503('1');

    expect([(await answered).status, network.asked.length]).toEqual([503, 3]);
  });

  test.each<[string, RequestInit, string | undefined]>([
    ['a POST', POST, '1'],
    ['an answer without Retry-After', {}, undefined],
    ['a date, which the clock of the device may misread', {}, 'Wed, 21 Oct 2015 07:28:00 GMT'],
    ['a delay of more than a minute', {}, '61'],
  ])('does not send %s again', async (_, init, after) => {
    const answered = patient().fetch(`${API}/me`, init);
    answer503(after);

    expect([(await answered).status, network.asked.length]).toEqual([503, 1]);
  });

  test('sends nothing again that was aborted meanwhile', async () => {
    const controller = new AbortController();
    const answered = patient().fetch(`${API}/me`, { signal: controller.signal });
    answer503('60');
    await jest.advanceTimersByTimeAsync(1);
    controller.abort();

    await expect(answered).rejects.toThrow('aborted');
  });

  test('sends nothing again as another user', async () => {
    const entries = new Entries([[KEY, tokenOf('a', 0)]]);
    const answered = patient(entries).fetch(`${API}/me`);
    answer503('1');
    entries.set(KEY, tokenOf('b', 0));
    await jest.advanceTimersByTimeAsync(1000);

    expect([(await answered).status, network.asked.length]).toEqual([503, 1]);
  });

  test('tells of a 401 to the token that another tab has stored during the delay', async () => {
    const entries = new Entries([[KEY, tokenOf('s', 0)]]);
    const client = patient(entries);
    client.subscribe((event) => heard.push(event));
    const answered = client.fetch(`${API}/me`);
    answer503('1');
    entries.set(KEY, tokenOf('s', 1));
    await jest.advanceTimersByTimeAsync(1000);
    network.asked[1]!.reject('session_revoked');

    expect([(await answered).status, network.asked.length]).toEqual([401, 2]);
    expect(heard.map(({ type }) => type)).toEqual(['unauthorized']);
  });

  test('is off by default', async () => {
    const client = clientWith(new Entries());
    const answered = client.fetch(`${API}/me`);
    answer503('0');

    expect([(await answered).status, network.asked.length]).toEqual([503, 1]);
  });
});

describe('a proxy that removes Authorization from responses', () => {
  let warnings: unknown[];
  let warn: ReturnType<typeof jest.spyOn>;

  beforeEach(() => {
    warnings = [];
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] });
    warn = jest.spyOn(console, 'warn').mockImplementation((...text) => void warnings.push(text));
  });

  afterEach(() => {
    warn.mockRestore();
    jest.useRealTimers();
  });

  const NO_STORE = { 'Cache-Control': 'private, no-store' };
  async function answered(client: RefreshAuthClient, status: number, init: RequestInit = {}, headers = NO_STORE) {
    const response = client.fetch(`${API}/me`, init);
    network.asked.at(-1)!.answer(status, undefined, undefined, headers);
    await response;
  }

  test('is noticed after a sign-in, and said once with the remedy', async () => {
    const client = clientWith(new Entries());
    await answered(client, 200, POST);
    expect(warnings).toEqual([]);
    await answered(client, 401);
    await answered(client, 200, POST);
    await answered(client, 401);

    expect(warnings).toEqual([[expect.stringContaining('Let the response header `Authorization` through')]]);
    expect(JSON.stringify(warnings)).not.toContain('c2lnbmF0dXJl');
  });

  test('is noticed after an expiry, by the time that has passed, whatever the clock of the device says', async () => {
    const client = clientWith(new Entries());
    await exchange(client, tokenOf('s', 0, { iat: 1_000_000 + HOUR, exp: 1_000_900 + HOUR }), POST);
    jest.advanceTimersByTime(899_999);
    await answered(client, 200);
    expect(warnings).toEqual([]);
    jest.advanceTimersByTime(1);
    await answered(client, 200);
    await answered(client, 200);

    expect(warnings).toHaveLength(1);
  });

  test('is not suspected where a public route answers after an expiry, or a sign-in failed', async () => {
    const client = clientWith(new Entries());
    await answered(client, 401, POST);
    await answered(client, 401);
    await exchange(client, tokenOf('s', 0, { iat: 1, exp: 2 }), POST);
    jest.advanceTimersByTime(5000);
    await answered(client, 200, {}, { 'Cache-Control': 'max-age=5' });

    expect(warnings).toEqual([]);
  });
});

describe('a clock that is an hour off', () => {
  test.each([-1, 1])('by %i h changes nothing', async (hours) => {
    const spy = jest.spyOn(Date, 'now').mockReturnValue(hours * HOUR * 1000);
    try {
      const client = clientWith(new Entries());
      await exchange(client, tokenOf('s', 0, { iat: 0, exp: 900 }), POST);
      await exchange(client, tokenOf('s', 1, { iat: 900, exp: 1800 }));
      void client.fetch(`${API}/me`);

      expect(sent()).toEqual([
        undefined,
        tokenOf('s', 0, { iat: 0, exp: 900 }),
        tokenOf('s', 1, { iat: 900, exp: 1800 }),
      ]);
    } finally {
      spy.mockRestore();
    }
  });
});

describe('fetch of npm’s undici', () => {
  let server: Server;
  let url: string;

  beforeEach(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { authorization = null } = request.headers;
        response.setHeader('Authorization', `Bearer ${tokenOf('s', 1)}`);
        response.setHeader('Connection', 'close');
        response.end(
          JSON.stringify([request.method, authorization, request.headers['x-own'], String(Buffer.concat(chunks))]),
        );
      });
    }).listen(0);
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.close();
  });

  test('gets what it can read: the URL and headers, and no Request of another implementation', async () => {
    const client = new RefreshAuthClient({
      origins: [url],
      storage: new Entries([[KEY, tokenOf('s', 0)]]),
      fetch: undiciFetch as unknown as typeof fetch,
    });
    const response = await client.fetch(`${url}/notes`, { ...POST, headers: { 'X-Own': 'kept' }, body: 'the body' });

    expect(await response.json()).toEqual(['POST', `Bearer ${tokenOf('s', 0)}`, 'kept', 'the body']);
    expect(client.token).toBe(tokenOf('s', 1));
  });

  test('gets its own Request, with headers and body', async () => {
    const client = new RefreshAuthClient({
      origins: [url],
      storage: new Entries([[KEY, tokenOf('s', 0)]]),
      fetch: undiciFetch as unknown as typeof fetch,
    });
    const request = new UndiciRequest(`${url}/notes`, { ...POST, headers: { 'X-Own': 'kept' }, body: 'the body' });
    const response = await client.fetch(request);

    expect(await response.json()).toEqual(['POST', `Bearer ${tokenOf('s', 0)}`, 'kept', 'the body']);
  });
});
