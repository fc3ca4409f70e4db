// Tests clients and requests that an application should not have given to `admit`.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { issue, serviceOf, setUp, type Stage } from '../../../../test/support/core.js';
import { WatchedLogger } from '../../../../test/support/watched-logger.js';
import type { HttpRequest } from '../http/http-message.js';

let stage: Stage;
let log: WatchedLogger;
let token: string;
let request: IncomingMessage;

beforeEach(() => {
  stage = setUp();
  log = new WatchedLogger();
  Logger.overrideLogger(log);
  ({ token } = issue(stage.core));
  request = requestWith({ authorization: `Bearer ${token}` });
});
afterEach(async () => {
  Logger.overrideLogger(new ConsoleLogger());
  await Promise.all([stage.core.stop(), stage.elsewhere.stop()]);
});

function requestWith(headers: Record<string, string>): IncomingMessage {
  const made = new IncomingMessage(new Socket());
  Object.assign(made, { headers, rawHeaders: Object.entries(headers).flat() });
  return made;
}

const admit = (client: unknown, opened: unknown = request) =>
  serviceOf(stage.core).admit(client as object, opened as HttpRequest);

const errors = (): string[] => log.lines.filter((line) => line.startsWith('error'));

/** A client of ws on the server: open until it is closed. */
class PlainClient extends EventEmitter {
  readyState = 1;
  readonly sent: unknown[] = [];
  readonly closings: unknown[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(...why: unknown[]): void {
    this.readyState = 2;
    this.closings.push(why);
  }
}

/** A client of socket.io on the server. */
class IoClient extends EventEmitter {
  disconnected = false;
  readonly client = { sockets: new Map() };
  readonly conn = { close: () => undefined };

  readonly request: unknown;

  constructor(
    opened: unknown,
    readonly handshake: unknown = { auth: {} },
  ) {
    super();
    this.request = opened;
  }

  disconnect(): void {
    this.disconnected = true;
    super.emit('disconnect');
  }
}

const throwing = (): never => {
  throw new Error('of the proxy');
};
const hostile = (target: object): object =>
  new Proxy(target, { get: throwing, has: throwing, getPrototypeOf: throwing });

test('the clients of this suite are admitted, as those of ws and socket.io are', async () => {
  const [plain, io] = [new PlainClient(), new IoClient(request)];

  expect(await admit(plain)).toMatchObject({ state: 'valid' });
  expect(await admit(io, undefined)).toMatchObject({ state: 'valid' });
  expect([plain.closings, io.disconnected, errors()]).toEqual([[], false, []]);
});

describe('admit refuses a client that is none, never rejects, and the log says what to write', () => {
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['a string', 'client'],
    ['a symbol', Symbol('client')],
    ['a function', () => undefined],
    ['a plain object', {}],
    ['an array', []],
    ['an object without a prototype', Object.create(null)],
    ['a request', requestWith({})],
    ['a proxy that throws', hostile({})],
    ['a client of ws that throws', hostile(new PlainClient())],
    ['an object with the state of ws alone', { readyState: 1 }],
    ['a client of ws without methods', { readyState: 1, send: 1 }],
    ['a client of ws without listeners', { readyState: 1, send: () => undefined, close: () => undefined }],
    ['a frozen client of ws', Object.freeze(new PlainClient())],
    ['a handshake of socket.io', { headers: {}, auth: {}, address: '', query: {} }],
    ['an object with a handshake', { handshake: null, request: null }],
    ['a frozen client of socket.io', Object.freeze(new IoClient(requestWith({})))],
    [
      'a WebSocket of uWebSockets',
      { send: () => 1, end: () => undefined, close: () => undefined, subscribe: () => true },
    ],
    [
      'a spark of Primus',
      Object.assign(new EventEmitter(), { readyState: 3, write: () => true, end: () => undefined }),
    ],
    [
      'a connection of SockJS',
      Object.assign(new EventEmitter(), { readyState: 1, write: () => true, close: () => true }),
    ],
  ])('%s', async (_, client) => {
    expect(await admit(client)).toBeUndefined();
    expect(stage.core.openSessions.size).toBe(0);
    expect(errors()).toEqual([expect.stringContaining('admit(client, request) needs the client')]);
    expect(errors().join()).not.toContain('\n    at ');
  });

  test.each<[string, () => object & { ended: number }]>([
    ['close', () => counting('close')],
    ['end', () => counting('end')],
    ['disconnect', () => counting('disconnect')],
  ])('and closes it if it has %s()', async (_, make) => {
    const client = make();
    await admit(client);

    expect(client.ended).toBe(1);
  });

  test.each(['listen', 'handleUpgrade'])('but not a server, which has %s()', async (method) => {
    const server = Object.assign(counting('close'), { [method]: () => undefined });
    await admit(server);

    expect(server.ended).toBe(0);
  });

  test('twice as well', async () => {
    const client = Object.freeze(new PlainClient());

    expect([await admit(client), await admit(client)]).toEqual([undefined, undefined]);
  });
});

function counting(method: string): object & { ended: number } {
  const client = { ended: 0, [method]: () => void client.ended++ };
  return client;
}

describe('admit refuses a socket whose request leads nowhere, and the log says what to write', () => {
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['a string', 'request'],
    ['a plain object', {}],
    ['a client', new PlainClient()],
    ['null as its headers', { headers: null }],
    ['a text as its headers', { headers: 'authorization' }],
    ['null as raw', { raw: null }],
    ['a text as raw', { raw: 'request' }],
  ])('%s', async (_, opened) => {
    const client = new PlainClient();
    expect(await serviceOf(stage.core).admit(client, opened as HttpRequest)).toBeUndefined();

    expect(client.closings).toEqual([[4401, 'token_missing']]);
    expect(errors()).toEqual([
      expect.stringContaining('write admit(client, request) in handleConnection(client, request)'),
    ]);
  });

  test('a proxy that throws: the client can try again', async () => {
    const client = new PlainClient();
    expect(await admit(client, hostile({}))).toBeUndefined();

    expect([client.closings, client.sent]).toEqual([[[1013, 'store_unavailable']], []]);
  });
});

test('the other sockets of a session are closed although a listener of the application throws', async () => {
  const clients = [new IoClient(request), new IoClient(request), new IoClient(request)];
  for (const client of clients) {
    client.on('disconnect', throwing);
    await admit(client, undefined);
  }
  const { claims } = await serviceOf(stage.core).authenticate(token);
  await serviceOf(stage.core).revokeSession(claims.sid);

  expect(clients.map(({ disconnected }) => disconnected)).toEqual([true, true, true]);
  expect(stage.core.openSessions.size).toBe(0);
  expect(errors().filter((line) => line.includes('A socket could not be closed'))).toHaveLength(3);
});

test('a message that is judged after its socket has closed is refused, whatever becomes of the session', async () => {
  const client = new PlainClient();
  await admit(client);
  const socket = stage.core.sockets.find(client)!;
  client.readyState = 3;
  client.emit('close');

  await expect(socket.check()).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(await admit(client)).toBeUndefined();
});
