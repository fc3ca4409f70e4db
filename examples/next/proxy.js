// The recipe of docs/front-ends/next.md.
import { NextResponse } from 'next/server';
import { apiFor } from './lib/api.js';

export async function proxy(request) {
  const api = apiFor(request);
  await api.refresh('/me');
  const headers = new Headers(request.headers);
  headers.set('Cookie', api.cookie);
  const response = NextResponse.next({ request: { headers } });
  for (const line of api.setCookies) response.headers.append('Set-Cookie', line);
  if (api.setCookies.length > 0) response.headers.set('Cache-Control', 'private, no-store');
  return response;
}

// Not for /api, which refreshes by itself, and not for files, which are cached.
export const config = { matcher: '/((?!api/|_next/static/|_next/image/|favicon.ico).*)' };
