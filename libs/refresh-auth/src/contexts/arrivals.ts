import { type HttpRequest, type RawRequest, rawRequest, type RawResponse } from '../http/http-message.js';
import type { Clock } from '../tokens/clock.js';
import { notesOn, ownNotes } from './request-notes.js';

type RequestListener = (request: RawRequest, response: RawResponse) => void;

/** The part of Node's HTTP server (HTTP/1 or HTTP/2) that emits requests. */
interface HttpServer {
  prependListener(event: 'request', listener: RequestListener): unknown;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'request', listener: RequestListener): unknown;
}

/**
 * Notes when each request arrives, since the guard may run much later: a framework reads the body first, and a slow upload takes minutes.
 * Middleware of NestJS runs after that too, so this listens to the HTTP servers of the application. Notes the response as well, because the
 * default context of Apollo on Fastify has only the request.
 *
 * NestJS knows one server. Fastify has another one for each further address of `localhost`, and an application may serve its routes by servers
 * of its own. Those are found through their first request.
 */
export class Arrivals {
  /** When listening to each server began, in milliseconds on the monotonic clock. */
  readonly #servers = new Map<HttpServer, number>();

  constructor(private readonly clock: Clock) {}

  /** Listens to a server until it is closed, or `stop` is called. */
  listen(server: HttpServer): void {
    if (this.#servers.has(server)) return;
    this.#servers.set(server, this.clock.monotonic());
    server.prependListener('request', this.#note);
    server.once('close', () => this.#servers.delete(server));
  }

  stop(): void {
    for (const server of this.#servers.keys()) server.off('request', this.#note);
    this.#servers.clear();
  }

  /** Returns how long ago a request arrived, in milliseconds: 0 if that is not known. */
  waited(raw: RawRequest): number {
    const arrivedAt = ownNotes(raw)?.arrivedAt ?? this.#findLatestArrival(raw);
    return arrivedAt === undefined ? 0 : Math.max(0, Math.floor(this.clock.monotonic() - arrivedAt));
  }

  /** Returns the latest time at which a request that was not noted can have arrived: when listening to its server began. */
  #findLatestArrival(raw: RawRequest): number | undefined {
    const server = serverOf(raw);
    if (!server) return undefined;
    this.listen(server);
    return this.#servers.get(server);
  }

  readonly #note: RequestListener = (request, response) => {
    notesOn(request).arrive(this.clock.monotonic(), response);
  };
}

/** Returns the response to a request whose arrival was noted. */
export function responseNotedFor(request: HttpRequest): RawResponse | undefined {
  return ownNotes(rawRequest(request))?.response;
}

/** Returns the server that Node.js keeps on each socket that it accepts. Requests that a framework injects, as for tests, have none. */
function serverOf(raw: RawRequest): HttpServer | undefined {
  return (raw as { socket?: { server?: HttpServer } | null }).socket?.server;
}
