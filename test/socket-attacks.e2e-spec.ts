// Clients of gateways that do not behave: they leave at every moment, ignore that they were closed, or use every door of socket.io.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { UseGuards } from '@nestjs/common';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  type HttpRequest,
  OptionalAuth,
  RefreshAuthGuard,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { io, type Socket as IoClient } from 'socket.io-client';
import { WebSocket } from 'ws';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, cookie } from './support/delivered.js';
import { withGateways } from './support/gateways.js';
import { type InterceptedStore, interceptedStore } from './support/intercepted-store.js';

const EXPIRED = 20 * 60_000;

type Headers = Record<string, string>;

interface Closable {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  close?(): void;
  terminate?(): void;
  disconnect?(close?: boolean): void;
}

/** The server's way to handle a socket that connects, chosen by its query. */
const MODES = [
  'waits',
  'closes',
  'terminates',
  'admits twice',
  'admits late',
  'streams',
  'streams to the end',
] as const;

@UseGuards(RefreshAuthGuard)
class NewsGateway implements OnGatewayConnection {
  readonly admitted: unknown[] = [];
  readonly clients: Closable[] = [];

  constructor(protected readonly auth: RefreshAuthService<TokenClaims>) {}

  async handleConnection(client: Closable, request?: HttpRequest & { url?: string }): Promise<void> {
    this.clients.push(client);
    const mode = (MODES as readonly string[]).find((name) => request?.url?.includes(encodeURIComponent(name)));
    if (mode === 'admits late') await new Promise<void>((resolve) => client.on('close', () => resolve()));
    if (mode === 'admits twice') void this.auth.admit(client, request);
    const authentication = await this.auth.admit(client, request);
    this.admitted.push(authentication);
    if (mode === 'closes') client.close?.();
    if (mode === 'terminates') client.terminate?.();
    if (mode?.startsWith('streams') && authentication) {
      const end = this.auth.ended(authentication.claims).subscribe();
      if (mode === 'streams') end.unsubscribe();
      client.on('close', () => end.unsubscribe());
    }
  }

  @SubscribeMessage('news')
  news(@CurrentUser('sub') sub: string): object {
    return { event: 'news', data: sub };
  }

  @OptionalAuth()
  @SubscribeMessage('optional')
  optional(@CurrentUser('sub') sub: string | undefined): object {
    return { event: 'optional', data: sub ?? null };
  }
}

@WebSocketGateway()
class MainGateway extends NewsGateway {}

@WebSocketGateway({ namespace: 'other' })
class OtherGateway extends NewsGateway {}

let app: AuthApp;
let clock: TestClock;
let store: InterceptedStore;
let token: string;
let sid: string;

async function start(kind: 'socket.io over websocket' | 'ws', gateways: (typeof NewsGateway)[]): Promise<void> {
  clock = new TestClock();
  store = interceptedStore(clock);
  app = await startAuthApp('express', {
    providers: gateways,
    clock,
    options: { store },
    configure: withGateways(kind),
  });
  ({
    token,
    claims: { sid },
  } = await app.auth.issue({ sub: '1' }));
}
afterEach(() => app.close());

const openSessions = (): number => app.app.get(RefreshAuthCore).openSessions.size;
const turn = (): Promise<void> => new Promise(setImmediate);

describe('sockets of ws', () => {
  let sockets: WebSocket[];
  let connections: Map<WebSocket, Socket>;

  beforeEach(async () => {
    sockets = [];
    connections = new Map();
    await start('ws', [MainGateway]);
  });
  afterEach(() => sockets.forEach((socket) => socket.terminate()));

  async function open(own: string, mode = 'waits'): Promise<WebSocket> {
    const address = `${app.url.replace('http', 'ws')}/?${encodeURIComponent(mode)}`;
    const socket = new WebSocket(address, { headers: bearer(own).headers as Headers });
    sockets.push(socket);
    socket.once('upgrade', (response) => connections.set(socket, response.socket));
    await once(socket, 'open');
    return socket;
  }

  const tcp = (socket: WebSocket): Socket => connections.get(socket)!;
  const LEAVE: ((socket: WebSocket) => unknown)[] = [
    (socket) => socket.close(),
    (socket) => socket.terminate(),
    (socket) => tcp(socket).resetAndDestroy(),
    (socket) => tcp(socket).end(),
  ];

  test('leave nothing behind, however and whenever they go', async () => {
    const gateway = app.app.get(MainGateway);
    for (const mode of MODES) {
      // A client of ws that resets its connection while it is being closed waits 30 s for the end of that.
      for (const leave of mode === 'closes' ? LEAVE.slice(0, 1) : LEAVE) {
        const before = gateway.admitted.length;
        const socket = await open((await app.auth.issue({ sub: '1' })).token, mode);
        if (mode !== 'admits late') while (gateway.admitted.length === before) await turn();
        leave(socket);
        while (gateway.admitted.length === before || openSessions() > 0) await turn();
      }
    }

    expect(openSessions()).toBe(0);
    expect(gateway.admitted.filter((authentication) => authentication === undefined)).toHaveLength(LEAVE.length);
  });

  test('that go while the store is slow are not admitted', async () => {
    const gateway = app.app.get(MainGateway);
    clock.advance(EXPIRED);
    let answer = (): void => undefined;
    const isAnswered = new Promise<void>((resolve) => (answer = resolve));
    const asked = new Promise<void>((resolve) => {
      store.intercept(async (ask) => {
        resolve();
        await isAnswered;
        return ask();
      });
    });
    const opened = await Promise.all(LEAVE.map(() => open(token)));
    await asked;
    const gone = gateway.clients.map((client) => new Promise<void>((resolve) => client.on('close', () => resolve())));
    opened.forEach((socket, index) => LEAVE[index]?.(socket));
    await Promise.all(gone);
    answer();
    while (gateway.admitted.length < LEAVE.length) await turn();

    expect([gateway.admitted, openSessions()]).toEqual([LEAVE.map(() => undefined), 0]);
  });

  test('whose client ignores that it was closed get no answer but the refusal', async () => {
    const socket = await open(token);
    const answers: string[] = [];
    socket.on('message', (text: Buffer) => answers.push(text.toString()));
    socket.send('{"event":"news"}');
    await once(socket, 'message');
    // The answer to the close frame is never sent.
    const raw = tcp(socket);
    raw.removeAllListeners('data');
    const received: Buffer[] = [];
    raw.on('data', (chunk: Buffer) => received.push(chunk));
    raw.resume();
    await app.auth.revokeSession(sid);
    while (!Buffer.concat(received).includes('session_revoked')) await turn();
    for (const event of ['news', 'optional', 'news']) socket.send(JSON.stringify({ event }));
    socket.send(Buffer.from('{"event":"news"}'), { binary: true });
    socket.terminate();
    while (openSessions() > 0) await turn();

    expect(answers).toEqual(['{"event":"news","data":"1"}']);
    expect(Buffer.concat(received).toString('latin1')).not.toContain('"news"');
    expect(app.logs.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test('are asked and answered in binary frames too, and refused in them', async () => {
    const socket = await open(token);
    const ask = async (text: string): Promise<unknown> => {
      socket.send(Buffer.from(text), { binary: true });
      const [answer] = (await once(socket, 'message')) as [Buffer];
      return JSON.parse(answer.toString());
    };

    expect(await ask('{"event":"news"}')).toEqual({ event: 'news', data: '1' });
    expect(await ask('{"event":"refresh-auth","data":"garbage"}')).toMatchObject({ data: { code: 'token_invalid' } });
  });
});

describe('sockets of socket.io', () => {
  let clients: IoClient[];
  let received: Map<IoClient, unknown[]>;

  beforeEach(async () => {
    clients = [];
    received = new Map();
    await start('socket.io over websocket', [MainGateway, OtherGateway]);
  });
  afterEach(() => clients.forEach((client) => client.disconnect()));

  /** Opens a socket of a namespace. Those of one test share their connection, unless `forceNew`. */
  async function open(namespace: string, options: object): Promise<IoClient> {
    const client = io(`${app.url}/${namespace}`, { transports: ['websocket'], reconnection: false, ...options });
    clients.push(client);
    const answers: unknown[] = [];
    received.set(client, answers);
    client.onAny((event: string, data: unknown) => answers.push([event, data]));
    await new Promise<void>((resolve, reject) => {
      client.once('connect', resolve);
      client.once('connect_error', reject);
    });
    return client;
  }

  const disconnected = (client: IoClient): Promise<string> =>
    new Promise((resolve) => client.once('disconnect', (reason) => resolve(reason)));
  /** Asks for the news, and returns the next thing that the client gets. */
  async function news(client: IoClient): Promise<unknown> {
    client.emit('news');
    const answers = received.get(client) ?? [];
    while (answers.length === 0) await turn();
    return answers.shift();
  }

  test('of several namespaces on one connection are all closed with their session, and none of another session', async () => {
    const other = (await app.auth.issue({ sub: '2' })).token;
    const [first, second] = [await open('', { auth: { token } }), await open('other', { auth: { token } })];
    const foreign = await open('other', { auth: { token: other }, forceNew: true });
    expect(first.io).toBe(second.io);
    expect([await news(first), await news(second)]).toEqual([
      ['news', '1'],
      ['news', '1'],
    ]);
    const closed = Promise.all([disconnected(first), disconnected(second)]);
    await app.auth.revokeSession(sid);
    await closed;

    expect(await news(foreign)).toEqual(['news', '2']);
  });

  test('of several namespaces with tokens of their own are closed one by one', async () => {
    const other = await app.auth.issue({ sub: '2' });
    const [first, second] = [
      await open('', { auth: { token } }),
      await open('other', { auth: { token: other.token } }),
    ];
    await news(first);
    const closed = disconnected(first);
    await app.auth.revokeSession(sid);
    await closed;
    expect(await news(second)).toEqual(['news', '2']);
    first.connect();
    expect(await disconnected(first)).toBe('io server disconnect');

    const last = disconnected(second);
    await app.auth.revokeSession(other.claims.sid);
    await last;
    while (openSessions() > 0) await turn();
  });

  test('with a token in `auth` belong to its user, whose cookie ever the page of another site sends', async () => {
    const other = (await app.auth.issue({ sub: '2' })).token;
    const extraHeaders = { ...(cookie(other).headers as Headers), origin: 'https://attacker.example' };

    expect(await news(await open('', { auth: { token }, extraHeaders, forceNew: true }))).toEqual(['news', '1']);
    const foreign = await open('', { auth: {}, extraHeaders, forceNew: true });
    expect(await news(foreign)).toEqual(['exception', expect.objectContaining({ code: 'request_cross_site' })]);
  });

  test('whose client ignores that it was disconnected get nothing more', async () => {
    const raw = new WebSocket(`${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const packets: string[] = [];
    raw.on('message', (text: Buffer) => packets.push(text.toString()));
    const until = async (part: string): Promise<void> => {
      while (!packets.some((text) => text.startsWith(part))) await once(raw, 'message');
    };
    const closed = once(raw, 'close');
    await until('0');
    raw.send(`40${JSON.stringify({ token })}`);
    await until('40');
    raw.send(`40/other,${JSON.stringify({ token })}`);
    await until('40/other');
    raw.send('42["news"]');
    await until('42["news","1"]');
    await app.auth.revokeSession(sid);
    const before = packets.length;
    for (const packet of [
      '42["news"]',
      '42["optional"]',
      `40${JSON.stringify({ token })}`,
      '42["news"]',
      '421["news"]',
    ]) {
      if (raw.readyState === WebSocket.OPEN) raw.send(packet);
    }
    await closed;

    expect(packets.slice(before).filter((text) => /"(?:news|optional)"|^43/.test(text))).toEqual([]);
    while (openSessions() > 0) await turn();
  });
});
