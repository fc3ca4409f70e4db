import type { RefreshAuthError, RefreshAuthErrorCode } from '../errors/refresh-auth-error.js';
import type { HttpRequest } from '../http/http-message.js';
import { malformed } from '../tokens/compact.js';

/** The client of a gateway: a `Socket` of socket.io, which has a handshake, or a `WebSocket` of ws, which has a state. */
export interface SocketClient {
  readonly handshake?: { readonly auth?: Readonly<Record<string, unknown>> };
  readonly readyState?: number;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

/** A `Socket` of socket.io. */
interface IoSocket extends SocketClient {
  readonly request: HttpRequest;
  readonly disconnected: boolean;
  /** The connection, which may carry sockets of several namespaces. */
  readonly client?: { readonly sockets?: ReadonlyMap<string, unknown> };
  readonly conn: { close(): unknown };
  emit(event: string, data: unknown): unknown;
  disconnect(): unknown;
}

/** A `WebSocket` of ws. */
interface PlainSocket extends SocketClient {
  readonly readyState: number;
  listenerCount(event: string, listener: (...args: never[]) => void): number;
  send(text: string): unknown;
  close(code: number, reason: string): unknown;
}

/** The data of the event `exception`, which clients of both kinds get. */
export interface SocketRefusal {
  readonly code: RefreshAuthErrorCode;
  readonly message: string;
}

/** The event with which a client replaces the token of its socket by a newer one. */
const RENEWAL = 'refresh-auth';

/** A message with a token is hardly longer than the longest token. */
const LONGEST_RENEWAL = 16_384;

/** `WebSocket.OPEN` (WHATWG WebSockets, section 3.1). */
const OPEN = 1;

/** Close codes of ws: 4000 to 4999 are for applications; 1013 is "try again later" (RFC 6455 section 7.4 and its IANA registry). */
const CLOSE_CODES = { 401: 4401, 403: 4403, 503: 1013 } as const;

/** Returns true for a client of socket.io or ws to which an admission can be added. Never throws, whatever an application hands over. */
export function isSocketClient(client: unknown): client is SocketClient {
  try {
    if (typeof client !== 'object' || client === null || !Object.isExtensible(client)) return false;
    if (isPlain(client)) return hasMethods(client, 'on', 'off', 'send', 'close');
    return isIo(client) && hasMethods(client, 'on', 'off', 'emit', 'disconnect');
  } catch {
    return false;
  }
}

/** Closes something that is no client of socket.io or ws, if it has a method for that and is no server. Never throws. */
export function closeForeign(client: unknown): void {
  try {
    if (['listen', 'handleUpgrade'].some((name) => hasMethods(client as object, name))) return;
    const method = ['disconnect', 'close', 'end', 'destroy'].find((name) => hasMethods(client as object, name));
    if (method !== undefined) (client as Record<string, () => unknown>)[method]?.();
  } catch {
    // It is none of the objects that can be closed.
  }
}

export function refusalOf({ code, message }: RefreshAuthError): SocketRefusal {
  return { code, message };
}

/**
 * Returns the bare token in the handshake of socket.io: `io(url, { auth: { token } })`. `undefined` if there is none.
 *
 * @throws RefreshAuthError `token_malformed` if it is no string
 */
export function handshakeToken({ handshake }: SocketClient): string | undefined {
  const token = handshake?.auth?.['token'];
  if (token === undefined || token === null) return undefined;
  if (typeof token !== 'string') throw malformed('auth.token of the handshake is not a string');
  return token;
}

/** Returns the request that opened a socket of socket.io. A client of ws has no reference to it. */
export function requestOf(client: SocketClient): HttpRequest | undefined {
  return isIo(client) ? client.request : undefined;
}

/** Returns true if the client has gone, or is about to. */
export function isGone(client: SocketClient): boolean {
  return isPlain(client) ? client.readyState !== OPEN : (client as IoSocket).disconnected;
}

/** Calls the listener when the connection has closed, whoever has closed it. */
export function onClose(client: SocketClient, listener: () => void): void {
  client.on(isPlain(client) ? 'close' : 'disconnect', listener);
}

/** Calls the listener with the data of each event `refresh-auth`. */
export function onRenewal(client: SocketClient, listener: (data: unknown) => void): void {
  if (isPlain(client)) client.on('message', (text: unknown) => readRenewal(text, listener));
  else client.on(RENEWAL, listener);
}

/** Sends an exception to the client, as the filters of NestJS do. */
export function sendException(client: SocketClient, error: RefreshAuthError): void {
  const refusal = refusalOf(error);
  if (isPlain(client)) send(client, refusal);
  else (client as IoSocket).emit('exception', refusal);
}

function send(client: PlainSocket, refusal: SocketRefusal): void {
  client.send(JSON.stringify({ event: 'exception', data: refusal }));
}

/** Closes a connection and says why. A client of ws finds the code in `reason`; one of socket.io gets an exception first. */
export function closeWith(client: SocketClient, error: RefreshAuthError): void {
  if (isPlain(client)) {
    client.close(CLOSE_CODES[error.statusCode], error.code);
    return;
  }
  const socket = client as IoSocket;
  sendException(socket, error);
  socket.disconnect();
  // The sockets of other namespaces share the connection, and stay open.
  if (socket.client?.sockets?.size === 0) socket.conn.close();
}

/** The refusals that were made for clients of ws. */
const refusalsOfPlain = new WeakSet();

/**
 * Sends this exception to a client of ws if NestJS only emits it. The filter of NestJS 11 calls `client.emit()`, which sends over socket.io, but
 * only calls listeners in this process on a client of ws. That of NestJS 12 sends.
 */
export function sendIfOnlyEmitted(client: SocketClient, refusal: SocketRefusal): void {
  if (!isPlain(client)) return;
  refusalsOfPlain.add(refusal);
  // One listener for all messages that are refused now: a client may send thousands at once.
  if (client.listenerCount('exception', sendEmitted) > 0) return;
  client.on('exception', sendEmitted);
  // The filter runs in the microtasks after the guard has thrown.
  setImmediate(() => client.off('exception', sendEmitted));
}

function sendEmitted(this: PlainSocket, emitted: object): void {
  if (refusalsOfPlain.has(emitted)) send(this, emitted as SocketRefusal);
}

function hasMethods(client: object, ...names: string[]): boolean {
  return names.every((name) => typeof (client as Record<string, unknown>)[name] === 'function');
}

function isIo(client: SocketClient | object): client is IoSocket {
  return 'handshake' in client && 'request' in client;
}

function isPlain(client: SocketClient | object): client is PlainSocket {
  return 'readyState' in client && typeof client.readyState === 'number' && 'send' in client;
}

/** Reads a message in the format of NestJS, `{ event, data }`. Parses it only if it names the event. */
function readRenewal(text: unknown, listener: (data: unknown) => void): void {
  if (!Buffer.isBuffer(text) || text.length > LONGEST_RENEWAL || !text.includes(`"${RENEWAL}"`)) return;
  try {
    const message = JSON.parse(text.toString()) as { event?: unknown; data?: unknown } | null;
    if (message?.event === RENEWAL) listener(message.data);
  } catch {
    // NestJS ignores what is not JSON.
  }
}
