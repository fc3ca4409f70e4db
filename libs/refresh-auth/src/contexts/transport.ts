import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import type { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { HttpRequest, HttpResponse, RawRequest } from '../http/http-message.js';

/** A request, if the transport has one, and its response, if a token can be delivered with it. */
export interface RequestResponse {
  /** Absent for a message of a microservice. */
  readonly request?: HttpRequest | undefined;
  readonly response?: HttpResponse | undefined;
}

/** One kind of execution context: where its request, response and token are, and how its clients learn of a refusal. */
export interface Transport {
  /** Returns the request and the response; `undefined` if the context does not lead to them. */
  find(context: ArgumentsHost): RequestResponse | undefined;

  /** The end of the error message if `find` finds nothing. Says what the application can do. */
  readonly remedy: string;

  /** Returns the object on which the guard leaves its result for handlers. */
  carrier(context: ExecutionContext): object;

  /**
   * Returns the token that the client has sent beside the headers of its request, such as in the handshake of socket.io. Browsers never
   * attach such a token by themselves. `undefined` if there is none, and the request decides. Left out where there is no such place.
   *
   * @throws RefreshAuthError `token_malformed`
   */
  sentToken?(context: ExecutionContext): string | undefined;

  /** Returns the request whose headers carry the token, if nothing was sent beside it. Left out where it is always the request itself. */
  credentialsOf?(request: RawRequest): RawRequest;

  /**
   * Returns true for a message over a socket, or of a microservice. All messages of a socket share the request that opened it, which is an
   * upgrade or, in socket.io, the first poll.
   */
  isMessage(request: RawRequest | undefined): boolean;

  /** Returns what to throw so that the client learns the code and the message of a refusal. */
  denial(error: RefreshAuthError, context: ExecutionContext): Error | Promise<Error>;
}
