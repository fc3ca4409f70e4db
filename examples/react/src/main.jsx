import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { API, auth, get, queryClient } from './auth.js';

const USER = { queryKey: ['user'], queryFn: () => get('/users/1') };

let done = 0;
const act = async (action) => {
  await action();
  document.body.dataset.done = done += 1;
};

function App() {
  const { data, error } = useQuery(USER);
  const [storm, setStorm] = useState('');
  const load = () => queryClient.refetchQueries(USER);
  const signIn = async () => {
    const body = JSON.stringify({ username: 'ada', password: 'lovelace' });
    await auth.fetch(`${API}/auth/login`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    await load();
  };
  const signOut = async () => {
    await auth.signOut(`${API}/auth/logout`);
    await load();
  };
  const send20 = async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => get('/me')));
    setStorm(`${results.filter(({ status }) => status === 'fulfilled').length} of 20 served`);
  };
  const isSignedOut = error?.status === 401;
  return (
    <>
      <p>
        Signed in: <output id="user">{isSignedOut ? 'nobody' : data?.username}</output>{' '}
        <output id="problem">{error && !isSignedOut ? error.status : ''}</output>
      </p>
      {Object.entries({ 'sign-in': signIn, load, storm: send20, 'sign-out': signOut }).map(([id, action]) => (
        <button id={id} key={id} onClick={() => act(action)}>
          {id}
        </button>
      ))}
      <output id="storm-result">{storm}</output>
    </>
  );
}

createRoot(document.getElementById('root')).render(
  <QueryClientProvider client={queryClient}>
    <App />
  </QueryClientProvider>,
);
document.body.dataset.done = done;
