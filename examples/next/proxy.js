// Refreshes an expired token before anything renders, since server components cannot set cookies.
import { NextResponse } from 'next/server';
import { apiFor } from './lib/api.js';

export async function proxy(request) {
  const api = apiFor(request.headers, true);
  await api.refresh('/me');
  const headers = new Headers(request.headers);
  headers.set('Cookie', api.cookie);
  const response = NextResponse.next({ request: { headers } });
  for (const line of api.setCookies) response.headers.append('Set-Cookie', line);
  if (api.setCookies.length > 0) response.headers.set('Cache-Control', 'private, no-store');
  return response;
}

export const config = { matcher: '/((?!api|_next/static|_next/image|favicon.ico).*)' };
