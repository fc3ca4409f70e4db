// The recipe of docs/front-ends/react.md.
import { QueryClient } from '@tanstack/react-query';
import { RefreshAuthClient } from 'nestjs-refresh-auth/client';

export const API = new URLSearchParams(location.search).get('api');
export const auth = new RefreshAuthClient({ origins: [API] });
export const queryClient = new QueryClient({
  // 503: the session lives, the store does not answer at the moment. All other refusals stay as they are.
  defaultOptions: { queries: { retry: (failures, { status }) => failures < 2 && (status ?? 503) === 503 } },
});

// Another user, here or in another tab: nothing of the previous one may stay on the screen.
let { session } = auth;
auth.subscribe(() => {
  if (auth.session === session) return;
  session = auth.session;
  queryClient.resetQueries();
});

export async function get(path) {
  const response = await auth.fetch(API + path);
  if (response.ok) return response.json();
  throw Object.assign(new Error(response.statusText), { status: response.status });
}
