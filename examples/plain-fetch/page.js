import { api } from './api.js';

const show = (id, text) => (document.getElementById(id).textContent = text);
const json = (body) => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

async function load() {
  const response = await api('/users/1');
  // 503: the session lives, the store does not answer at the moment.
  show('problem', response.ok || response.status === 401 ? '' : response.status);
  if (response.ok) show('user', (await response.json()).username);
  if (response.status === 401) show('user', 'nobody');
}

const actions = {
  'sign-in': async () => {
    await api('/auth/login', json({ username: 'ada', password: 'lovelace' }));
    await load();
  },
  load,
  storm: async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, () => api('/me')));
    show('storm-result', `${responses.filter(({ ok }) => ok).length} of 20 served`);
  },
  'sign-out': async () => {
    await api('/auth/logout', { method: 'POST' });
    await load();
  },
};

let done = 0;
const act = async (action) => {
  await action();
  document.body.dataset.done = done += 1;
};
for (const [id, action] of Object.entries(actions)) {
  document.getElementById(id).addEventListener('click', () => void act(action));
}
await act(load);
