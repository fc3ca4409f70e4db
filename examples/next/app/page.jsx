import { apiForPage } from '../lib/api.js';
import { Screen } from './screen.jsx';

export default async function Page() {
  const api = await apiForPage();
  const response = await api.fetch('/users/1');
  const user = response.ok ? await response.json() : undefined;
  return <Screen status={response.status} user={user?.username} />;
}
