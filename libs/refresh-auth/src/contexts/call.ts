import type { ExecutionContext } from '@nestjs/common';
import type { Credentials } from '../http/credentials.js';
import { type HttpRequest, type HttpResponse, rawRequest, type RawRequest } from '../http/http-message.js';
import { eraseState, noteState, type RequestState } from './request-notes.js';
import type { RequestResponse, Transport } from './transport.js';
import { transportOf } from './execution-context.js';

/** A call of a handler that a guard decides on. Each thing in its context is found once. */
export class Call {
  readonly transport: Transport;
  readonly request: HttpRequest | undefined;
  readonly response: HttpResponse | undefined;
  /** The Node.js request. */
  readonly raw: RawRequest | undefined;
  /** True for a message over a socket, or of a microservice: all messages of a socket share the request that opened it. */
  readonly isMessage: boolean;

  constructor(
    readonly context: ExecutionContext,
    { request, response }: RequestResponse,
  ) {
    this.transport = transportOf(context);
    this.request = request;
    this.response = response;
    this.raw = request && rawRequest(request);
    this.isMessage = this.transport.isMessage(this.raw);
  }

  /** Returns the values of our cookies if several of them may be live, and otherwise none: see {@link Credentials.rivals}. */
  rivalTokens(credentials: Credentials): string[] {
    return this.raw ? credentials.rivals(carryingRequest(this.transport, this.raw)) : [];
  }

  /** Returns true if browsers attach this token by themselves, even to requests that other sites trigger: it came in a cookie. */
  isAmbient(token: string, credentials: Credentials): boolean {
    if (!this.raw || !credentials.isAmbient(carryingRequest(this.transport, this.raw), token)) return false;
    return this.transport.sentToken?.(this.context) !== token;
  }

  /** Stores the result of the guard where handlers, other guards and middleware look for it. */
  leaveResult(state: RequestState): void {
    const carrier = this.transport.carrier(this.context);
    if (carrier !== this.raw) noteState(carrier, state);
    if (!this.raw) return;
    noteState(this.raw, state);
    (this.request as { user?: unknown }).user = state.user;
  }

  /** Removes the result that an earlier message of the same socket, or an earlier guard, has left. */
  removeResult(): void {
    eraseState(this.transport.carrier(this.context));
    if (!this.raw) return;
    eraseState(this.raw);
    delete (this.request as { user?: unknown }).user;
  }
}

/** Returns the request whose headers carry the token. */
function carryingRequest(transport: Transport, raw: RawRequest): RawRequest {
  return transport.credentialsOf?.(raw) ?? raw;
}
