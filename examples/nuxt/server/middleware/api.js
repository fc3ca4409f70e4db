// The recipe of docs/front-ends/nuxt.md.
import { onBehalfOf } from 'nestjs-refresh-auth/ssr';

export default defineEventHandler(async (event) => {
  const { api } = useRuntimeConfig(event);
  const browser = getRequestHeaders(event);
  event.context.api = onBehalfOf(browser, { api, canSetCookies: true });
  if (event.path.startsWith('/api/')) return;

  // A page: an expired token is refreshed before anything renders. The calls of the render then only use it.
  await event.context.api.refresh('/me');
  const { cookie, setCookies } = event.context.api;
  for (const line of setCookies) appendResponseHeader(event, 'Set-Cookie', line);
  if (setCookies.length > 0) setResponseHeader(event, 'Cache-Control', 'private, no-store');
  event.context.api = onBehalfOf({ ...browser, cookie }, { api, canSetCookies: false });
});
