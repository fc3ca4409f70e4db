// The recipe of docs/front-ends/next.md.
import { apiFor } from '../../../lib/api.js';

async function forward(request) {
  const api = apiFor(request);
  const { pathname, search } = request.nextUrl;
  const type = request.headers.get('Content-Type');
  const response = await api.fetch(pathname.slice('/api'.length) + search, {
    method: request.method,
    headers: type ? { 'Content-Type': type } : {},
    body: type ? await request.arrayBuffer() : undefined,
  });
  const headers = new Headers({ 'Cache-Control': 'private, no-store' });
  for (const name of ['Content-Type', 'Retry-After']) {
    if (response.headers.has(name)) headers.set(name, response.headers.get(name));
  }
  for (const line of api.setCookies) headers.append('Set-Cookie', line);
  return new Response(response.body, { status: response.status, headers });
}

export { forward as GET, forward as POST, forward as PUT, forward as PATCH, forward as DELETE };
