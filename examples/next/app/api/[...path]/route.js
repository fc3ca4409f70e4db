// The calls of the browser's own scripts.
import { apiFor } from '../../../lib/api.js';

async function forward(request) {
  const { pathname, search } = new URL(request.url);
  const api = apiFor(request.headers, true);
  const { status, headers, body } = await api.fetch(pathname.replace('/api', '') + search, {
    method: request.method,
    headers: { 'Content-Type': request.headers.get('Content-Type') ?? 'application/json' },
    body: request.method === 'GET' ? undefined : await request.text(),
  });
  const response = new Response(body, { status, headers: { 'Cache-Control': 'private, no-store' } });
  for (const name of ['Content-Type', 'Retry-After'])
    if (headers.has(name)) response.headers.set(name, headers.get(name));
  for (const line of api.setCookies) response.headers.append('Set-Cookie', line);
  return response;
}

export { forward as DELETE, forward as GET, forward as PATCH, forward as POST, forward as PUT };
