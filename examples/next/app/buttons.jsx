'use client';

import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import { signOut } from './actions.js';

let done = 0;

export function Buttons({ username, problem, renderedAt }) {
  const router = useRouter();
  const [storm, setStorm] = useState('');
  const last = useRef(undefined);
  if (!problem) last.current = username;
  useEffect(() => {
    document.body.dataset.done = done += 1;
  }, [renderedAt, storm]);

  const actions = {
    'sign-in': async () => {
      const body = JSON.stringify({ username: 'ada', password: 'lovelace' });
      await fetch('/api/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
      router.refresh();
    },
    load: () => router.refresh(),
    storm: async () => {
      const responses = await Promise.all(Array.from({ length: 20 }, () => fetch('/api/me')));
      setStorm(`${responses.filter(({ ok }) => ok).length} of 20 served`);
    },
    'sign-out': async () => {
      await signOut();
      router.refresh();
    },
  };
  return (
    <>
      <p>
        Signed in: <output id="user">{last.current ?? 'nobody'}</output> <output id="problem">{problem}</output>
      </p>
      {Object.entries(actions).map(([id, action]) => (
        <button id={id} key={id} onClick={action}>
          {id}
        </button>
      ))}
      <output id="storm-result">{storm}</output>
    </>
  );
}
