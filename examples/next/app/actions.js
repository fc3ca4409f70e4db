'use server';
// The recipe of docs/front-ends/next.md.
import { apiForPage, setCookies } from '../lib/api.js';

export async function signIn(username, password) {
  const api = await apiForPage({ canSetCookies: true });
  const { status } = await api.fetch('/auth/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  await setCookies(api.setCookies);
  return status;
}

export async function signOut() {
  const api = await apiForPage({ canSetCookies: true });
  const { status } = await api.fetch('/auth/logout', { method: 'POST' });
  await setCookies(api.setCookies);
  return status;
}
