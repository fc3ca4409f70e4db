import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { type HttpRequest, type RawRequest, rawRequest } from '../http/http-message.js';
import type { Clock } from '../tokens/clock.js';
import { notesOn, ownNotes } from './request-notes.js';

/** The part of Node's HTTP server (HTTP/1 or HTTP/2) that tells of requests. */
interface HttpServer {
  prependListener(event: 'request', listener: (request: RawRequest) => void): unknown;
  off(event: 'request', listener: (request: RawRequest) => void): unknown;
}

/**
 * Notes when each request arrives, since the guard may run much later: a framework reads the body first, and a slow upload takes minutes.
 * Middleware of NestJS runs after that too, so this listens to the HTTP server of the application itself.
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

  readonly #note = (request: RawRequest): void => {
    notesOn(request).arrivedAt ??= this.clock.monotonic();
  };
}

/** Returns how long ago a request arrived, in milliseconds: 0 if its arrival was not noted. */
export function waitedFor(request: HttpRequest, clock: Clock): number {
  const arrivedAt = ownNotes(rawRequest(request))?.arrivedAt;
  return arrivedAt === undefined ? 0 : Math.max(0, Math.floor(clock.monotonic() - arrivedAt));
}
