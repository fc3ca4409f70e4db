import { api, auth } from './api.js';

const show = (id, text) => (document.getElementById(id).textContent = text);

async function load() {
  const { status, data } = await api.get('/users/1', { validateStatus: () => true });
  // 503: the session lives, the store does not answer at the moment.
  show('problem', [200, 401].includes(status) ? '' : status);
  if (status === 200) show('user', data.username);
  if (status === 401) show('user', 'nobody');
}

const actions = {
  'sign-in': async () => {
    await api.post('/auth/login', { username: 'ada', password: 'lovelace' });
    await load();
  },
  load,
  storm: async () => {
    const responses = await Promise.allSettled(Array.from({ length: 20 }, () => api.get('/me')));
    show('storm-result', `${responses.filter(({ status }) => status === 'fulfilled').length} of 20 served`);
  },
  'sign-out': async () => {
    await auth.signOut(`${api.defaults.baseURL}/auth/logout`);
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
