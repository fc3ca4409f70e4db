import { headers } from 'next/headers';
import { apiFor } from '../lib/api.js';
import { Buttons } from './buttons.jsx';

export default async function Page() {
  const api = apiFor(await headers(), false);
  const [user, me] = await Promise.all([api.fetch('/users/1'), api.fetch('/me')]);
  const username = user.ok && me.ok ? (await user.json()).username : undefined;
  // 503: the session lives, the store does not answer at the moment.
  const problem = user.ok || user.status === 401 ? undefined : user.status;
  return <Buttons username={username} problem={problem} renderedAt={performance.now()} />;
}
