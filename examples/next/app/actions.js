'use server';

import { cookies, headers } from 'next/headers';
import { apiFor } from '../lib/api.js';

export async function signOut() {
  const api = apiFor(await headers(), true);
  const { status } = await api.fetch('/auth/logout', { method: 'POST' });
  const store = await cookies();
  for (const cookie of api.setCookies.map(read)) store.set(cookie);
  return status;
}

/** A `Set-Cookie` line as `cookies().set()` wants it. */
function read(line) {
  const [[name, value], ...rest] = line.split('; ').map((part) => part.split(/=(.*)/));
  const given = Object.fromEntries(rest.map(([key, text = true]) => [key.toLowerCase(), text]));
  const { path, domain, secure, httponly: httpOnly, samesite: sameSite, partitioned } = given;
  return {
    name,
    value,
    path,
    domain,
    secure,
    httpOnly,
    sameSite: sameSite?.toLowerCase(),
    partitioned,
    maxAge: Number(given['max-age']),
  };
}
