import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { type HttpRequest, type RawRequest, rawRequest, type RawResponse } from '../http/http-message.js';
import type { Clock } from '../tokens/clock.js';
import { notesOn, ownNotes } from './request-notes.js';

type RequestListener = (request: RawRequest, response: RawResponse) => void;

/** The part of Node's HTTP server (HTTP/1 or HTTP/2) that tells of requests. */
interface HttpServer {
  prependListener(event: 'request', listener: RequestListener): unknown;
  off(event: 'request', listener: RequestListener): unknown;
}

/**
 * Notes when each request arrives, since the guard may run much later: a framework reads the body first, and a slow upload takes minutes.
 * Middleware of NestJS runs after that too, so this listens to the HTTP server of the application itself. Notes the response as well, because
 * the default context of Apollo on Fastify has only the request.
 */
export class Arrivals implements OnModuleInit, OnApplicationShutdown {
  #server: HttpServer | undefined;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    // None in an application without HTTP.
    const adapter = this.host.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    this.#server = adapter?.getHttpServer() as HttpServer | undefined;
    this.#server?.prependListener('request', this.#note);
  }

  onApplicationShutdown(): void {
    this.#server?.off('request', this.#note);
  }

  readonly #note: RequestListener = (request, response) => {
    notesOn(request).arrive(this.clock.monotonic(), response);
  };
}

/** Returns the response to a request whose arrival was noted. */
export function responseNotedFor(request: HttpRequest): RawResponse | undefined {
  return ownNotes(rawRequest(request))?.response;
}
