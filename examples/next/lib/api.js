// The recipe of docs/front-ends/next.md.
import { onBehalfOf } from 'nestjs-refresh-auth/ssr';
import { cookies, headers } from 'next/headers';

/** For proxy.js and route handlers. */
export const apiFor = (request) => onBehalfOf(request.headers, { api: process.env.API_URL, canSetCookies: true });

/** For server components, which cannot set cookies, and for server actions, which can. */
export async function apiForPage({ canSetCookies = false } = {}) {
  const browser = new Headers(await headers());
  browser.set('Cookie', (await cookies()).toString());
  return onBehalfOf(browser, { api: process.env.API_URL, canSetCookies });
}

/** Hands the lines of a server action on to the browser. */
export async function setCookies(lines) {
  const jar = await cookies();
  for (const line of lines) {
    const [[name, value], ...attributes] = line.split(/; ?/).map((part) => part.split(/=(.*)/));
    const given = Object.fromEntries(attributes.map(([key, text = true]) => [key.toLowerCase(), text]));
    const { path, domain, secure, partitioned, httponly: httpOnly, samesite: sameSite } = given;
    const maxAge = given['max-age'] && Number(given['max-age']);
    jar.set({ name, value, path, domain, secure, partitioned, httpOnly, sameSite, maxAge });
  }
}
