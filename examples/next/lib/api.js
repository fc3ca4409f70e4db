import { onBehalfOf } from 'nestjs-refresh-auth/ssr';

/** The API for the browser whose request this is. `canSetCookies`: not in server components. */
export function apiFor(headers, canSetCookies) {
  return onBehalfOf(headers, { api: process.env.API_URL, canSetCookies });
}
