import type { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { malformed } from '../tokens/compact.js';

/** The client of a gateway: a `Socket` of socket.io, which has a handshake, or a `WebSocket` of ws, which has a state. */
export interface SocketClient {
  readonly handshake?: { readonly auth?: Readonly<Record<string, unknown>> };
  readonly readyState?: number;
  send?(text: string): unknown;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

/** The data of the event `exception`, which clients of both kinds get. */
export interface SocketRefusal {
  readonly code: RefreshAuthError['code'];
  readonly message: string;
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

/** Sends an event to the client of ws, in the format of NestJS. */
export function sendEvent(client: SocketClient, event: string, data: unknown): void {
  client.send?.(JSON.stringify({ event, data }));
}

/**
 * Sends this exception to a client of ws if NestJS only emits it. The filter of NestJS 11 calls `client.emit()`, which sends over socket.io, but
 * only calls listeners in this process on a client of ws. That of NestJS 12 sends.
 */
export function emitsOnlyHere(client: SocketClient, refusal: SocketRefusal): void {
  if (client.readyState === undefined) return;
  const send = (emitted: unknown): void => {
    if (emitted === refusal) sendEvent(client, 'exception', refusal);
  };
  client.on('exception', send);
  // The filter runs in the microtasks after the guard has thrown.
  setImmediate(() => client.off('exception', send));
}
