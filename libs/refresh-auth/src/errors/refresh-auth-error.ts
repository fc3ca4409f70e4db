import { HttpException } from '@nestjs/common';

/** Why a token is dead. A response that carries one of these has status 401. */
export type DeadReason =
  | 'token_missing'
  | 'token_malformed'
  | 'token_invalid'
  | 'token_expired'
  | 'token_superseded'
  | 'token_reused'
  | 'session_revoked'
  | 'session_expired';

/** Every code that a {@link RefreshAuthError} can have. Stable: applications and clients may switch on it. */
export type RefreshAuthErrorCode = DeadReason | 'request_cross_site' | 'store_unavailable' | 'reload_failed';

interface Description {
  readonly statusCode: 401 | 403 | 503;
  /** Constant text, so that nothing of a token, a claim or an exception can reach a client (RFC 6750 section 3). */
  readonly message: string;
  /** The message where an origin is the reason. */
  readonly ofOrigin?: string;
  /** The message where the reason is {@link NO_USER}. */
  readonly ofNoUser?: string;
}

/** The detail of an error whose token is right, but whose user the application does not find. */
export const NO_USER = 'toUser returned no user';

const DESCRIPTIONS: Readonly<Record<RefreshAuthErrorCode, Description>> = {
  token_missing: { statusCode: 401, message: 'No token was presented' },
  token_malformed: { statusCode: 401, message: 'The token is malformed' },
  token_invalid: {
    statusCode: 401,
    message: 'The token is invalid',
    ofNoUser: 'The user of this token was not found',
  },
  token_expired: {
    statusCode: 401,
    message: 'The token has expired',
    ofOrigin: 'The token has expired, and requests from this origin do not refresh it',
  },
  token_superseded: { statusCode: 401, message: 'The token was superseded: use the latest one' },
  token_reused: { statusCode: 401, message: 'The token was superseded long ago and is no longer accepted' },
  session_revoked: { statusCode: 401, message: 'The session was revoked' },
  session_expired: { statusCode: 401, message: 'The session has expired' },
  request_cross_site: { statusCode: 403, message: 'The request came from another origin' },
  store_unavailable: { statusCode: 503, message: 'The session store is unavailable, try again' },
  reload_failed: { statusCode: 503, message: 'The claims could not be reloaded, try again' },
};

const NAMES = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' } as const;

/**
 * The error of a rejected token or a refused request. As an `HttpException` it is answered with its status and the body
 * `{ statusCode, error, message, code }`. Its message is constant for its code and its kind of reason, and safe to show.
 */
export class RefreshAuthError extends HttpException {
  override readonly name = 'RefreshAuthError';
  /** The HTTP status that answers this code. */
  readonly statusCode: 401 | 403 | 503;

  constructor(
    /** The reason, for applications and clients. */
    readonly code: RefreshAuthErrorCode,
    /** The exact problem, for the operator: constant text or the store's error. Never shown to a client, never part of a token. */
    readonly detail?: string,
    /**
     * The other origin that made a browser send the request, where that is the reason; `'null'` if the browser did not name it. For the
     * operator, and chosen by whoever sends requests.
     */
    readonly origin?: string,
  ) {
    const { statusCode, message: ofCode, ofOrigin, ofNoUser } = DESCRIPTIONS[code];
    const ofReason = detail === NO_USER ? ofNoUser : origin === undefined ? undefined : ofOrigin;
    const message = ofReason ?? ofCode;
    super({ statusCode, error: NAMES[statusCode], message, code }, statusCode);
    this.statusCode = statusCode;
    // An exception filter that sends the error itself as JSON must not show these.
    for (const name of ['detail', 'origin']) Object.defineProperty(this, name, { enumerable: false });
  }

  /** GraphQL servers copy this to their answers. A getter of the class, so that it is in no body of HTTP and in no log. */
  get extensions(): { refreshAuth: { code: RefreshAuthErrorCode } } {
    return { refreshAuth: { code: this.code } };
  }

  /** True if the token is dead. False if the request was refused for another reason. */
  get isDeadToken(): boolean {
    return this.statusCode === 401;
  }
}
