import { type INestApplication, UseGuards } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Authentication,
  CurrentUser,
  type HttpRequest,
  Public,
  RefreshAuthGuard,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { EventEmitter, once } from 'node:events';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { inspectOutput } from './leak-watch.js';

/** A gateway as the documentation shows it. */
@WebSocketGateway()
@UseGuards(RefreshAuthGuard)
export class NewsGateway implements OnGatewayConnection {
  /** The results of `admit`, one after the other. */
  readonly admitted: (Authentication | undefined)[] = [];

  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  async handleConnection(client: object, request?: HttpRequest): Promise<void> {
    this.admitted.push(await this.auth.admit(client, request));
  }

  @SubscribeMessage('news')
  news(@CurrentUser() user: TokenClaims & { role?: string }, @TokenState() state: string): object {
    return { event: 'news', data: { sub: user.sub, role: user.role, state } };
  }

  @Public()
  @SubscribeMessage('weather')
  weather(@CurrentUser('sub') sub: string | undefined): object {
    return { event: 'weather', data: sub ?? 'for everybody' };
  }
}

/** Clients that a gateway is tested with. */
export const KINDS = ['socket.io over websocket', 'socket.io over polling', 'ws'] as const;

export type Kind = (typeof KINDS)[number];

export function withGateways(kind: Kind): (app: INestApplication) => unknown {
  return (app) => app.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
}

export interface Answer {
  readonly event: string;
  readonly data: unknown;
}

/** A real client of a gateway. */
export interface GatewayClient {
  readonly exceptions: readonly unknown[];
  /** Resolves to why the server has closed it: the close code and the reason of ws, the last exception of socket.io. */
  readonly closed: Promise<unknown>;
  send(event: string, data?: unknown): void;
  /** Sends a message, and resolves to the next answer or exception. */
  ask(event: string, data?: unknown): Promise<Answer>;
  /** Resolves to the next answer or exception. */
  next(): Promise<Answer>;
  close(): Promise<void>;
}

export interface Credentials {
  readonly headers?: Readonly<Record<string, string>>;
  /** For socket.io alone. */
  readonly auth?: object;
  readonly query?: Readonly<Record<string, string>>;
}

/** Opens a socket, and resolves as soon as it is open: before the server has admitted it. */
export function connect(kind: Kind, url: string, credentials: Credentials = {}): Promise<GatewayClient> {
  return kind === 'ws' ? connectPlain(url, credentials) : connectIo(kind, url, credentials);
}

async function connectPlain(url: string, { headers = {}, query = {} }: Credentials): Promise<GatewayClient> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}?${new URLSearchParams(query).toString()}`, { headers });
  const answers = new Answers();
  socket.on('message', (text: Buffer) => answers.add(JSON.parse(text.toString()) as Answer));
  const closed = once(socket, 'close').then(([status, reason]) => ({ status, code: String(reason) }));
  await once(socket, 'open');
  const send = (event: string, data?: unknown): void => socket.send(JSON.stringify({ event, data }));
  return answers.client(send, closed, () => socket.close());
}

async function connectIo(
  kind: Kind,
  url: string,
  { headers = {}, auth = {}, query = {} }: Credentials,
): Promise<GatewayClient> {
  const socket = io(url, {
    transports: [kind.endsWith('polling') ? 'polling' : 'websocket'],
    extraHeaders: headers,
    auth,
    query,
    reconnection: false,
    forceNew: true,
  });
  const answers = new Answers();
  socket.onAny((event: string, data: unknown) => answers.add({ event, data }));
  const closed = new Promise<unknown>((resolve) => {
    socket.once('disconnect', (reason) => resolve(answers.exceptions.at(-1) ?? reason));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return answers.client(
    (event, data) => socket.emit(event, data),
    closed,
    () => socket.disconnect(),
  );
}

class Answers extends EventEmitter {
  readonly exceptions: unknown[] = [];
  readonly #unread: Answer[] = [];

  constructor() {
    super();
    // A test may wait for many answers at once.
    this.setMaxListeners(0);
  }

  add(answer: Answer): void {
    inspectOutput('gateway', answer);
    if (answer.event === 'exception') this.exceptions.push(answer.data);
    this.#unread.push(answer);
    this.emit('answer');
  }

  async next(): Promise<Answer> {
    const answer = this.#unread.shift();
    if (answer) return answer;
    await once(this, 'answer');
    return this.next();
  }

  client(send: GatewayClient['send'], closed: Promise<unknown>, close: () => void): GatewayClient {
    return {
      exceptions: this.exceptions,
      closed,
      send,
      ask: (event, data) => {
        send(event, data);
        return this.next();
      },
      next: () => this.next(),
      close: async () => {
        close();
        await closed;
      },
    };
  }
}
