// The recipe of docs/front-ends/nuxt.md.
export default defineEventHandler(async (event) => {
  const { api } = event.context;
  const type = getRequestHeader(event, 'Content-Type');
  const response = await api.fetch(event.path.slice('/api'.length), {
    method: event.method,
    headers: type ? { 'Content-Type': type } : {},
    body: type ? await readRawBody(event, false) : undefined,
  });
  const headers = new Headers({ 'Cache-Control': 'private, no-store' });
  for (const name of ['Content-Type', 'Retry-After']) {
    if (response.headers.has(name)) headers.set(name, response.headers.get(name));
  }
  for (const line of api.setCookies) headers.append('Set-Cookie', line);
  return new Response(response.body, { status: response.status, headers });
});
