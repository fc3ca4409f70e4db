import type { DeadReason, RefreshAuthErrorCode } from 'nestjs-refresh-auth';
import type { HttpAnswer } from './http.js';

const MESSAGES: Record<DeadReason, string> = {
  token_missing: 'No token was presented',
  token_malformed: 'The token is malformed',
  token_invalid: 'The token is invalid',
  token_expired: 'The token has expired',
  token_superseded: 'The token was superseded: use the latest one',
  token_reused: 'The token was superseded long ago and is no longer accepted',
  session_revoked: 'The session was revoked',
  session_expired: 'The session has expired',
};

/** All that a client can learn from a refusal. */
export interface HttpRefusal {
  status: number;
  body: unknown;
  authenticate: string | undefined;
  retryAfter: string | undefined;
  setCookies: string[];
}

export function refusal(answer: HttpAnswer): HttpRefusal {
  return {
    status: answer.status,
    body: answer.json(),
    authenticate: answer.headers['www-authenticate'],
    retryAfter: answer.headers['retry-after'],
    setCookies: answer.setCookies,
  };
}

/** The 401 of a dead token, as it is documented. */
export function dead(code: DeadReason, realm = 'refresh-auth'): HttpRefusal {
  return unauthorized(code, MESSAGES[code], realm);
}

/** The 401 of a token that could be refreshed, but not for a request from this origin. */
export const notRefreshedForOrigin: HttpRefusal = unauthorized(
  'token_expired',
  'The token has expired, and requests from this origin do not refresh it',
  'refresh-auth',
);

/** The 401 of a token whose user `toUser` did not find. */
export const userNotFound: HttpRefusal = unauthorized(
  'token_invalid',
  'The user of this token was not found',
  'refresh-auth',
);

function unauthorized(code: DeadReason, message: string, realm: string): HttpRefusal {
  const reason = code === 'token_missing' ? '' : `, error="invalid_token", error_description="${message}"`;
  return {
    status: 401,
    body: { statusCode: 401, error: 'Unauthorized', message, code },
    authenticate: `Bearer realm="${realm}"${reason}`,
    retryAfter: undefined,
    setCookies: [],
  };
}

function unavailable(code: RefreshAuthErrorCode, message: string): HttpRefusal {
  return {
    status: 503,
    body: { statusCode: 503, error: 'Service Unavailable', message, code },
    authenticate: undefined,
    retryAfter: '1',
    setCookies: [],
  };
}

/** The 503 of a store that does not answer, as it is documented. */
export const storeUnavailable = unavailable('store_unavailable', 'The session store is unavailable, try again');

/** The 503 of a `reloadClaims` that failed, as it is documented. */
export const reloadFailed = unavailable('reload_failed', 'The claims could not be reloaded, try again');
