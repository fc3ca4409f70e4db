import { type HttpAnswer, type RequestOptions } from './http.js';

/** A request with a token, as a client sends it that keeps the token itself. */
export function bearer(token: string): RequestOptions {
  return { headers: { authorization: `Bearer ${token}` } };
}

/** A request with a token, as a browser sends it. */
export function cookie(token: string): RequestOptions {
  return { headers: { cookie: `__Host-authorization=${token}` } };
}

/** The tokens that an answer carries, where the library delivers them unless told otherwise. */
export interface Delivered {
  header: string | undefined;
  cookie: string | undefined;
}

export function delivered({ headers, setCookies }: HttpAnswer): Delivered {
  const values = setCookies.flatMap((line) => /^__Host-authorization=([^;]*)/.exec(line)?.[1] ?? []);
  if (values.length > 1) throw new Error('The answer sets the cookie more than once');
  return { header: headers.authorization?.replace(/^Bearer /, ''), cookie: values[0] };
}

export const nothing: Delivered = { header: undefined, cookie: undefined };
