'use client';
import { useRouter } from 'next/navigation';
import { useEffect, useState, useTransition } from 'react';
import { signIn, signOut } from './actions.js';

export function Screen({ status, user }) {
  const router = useRouter();
  const [isPending, startTransition] = useTransition();
  const [storm, setStorm] = useState('');
  // 503: the session lives, the store does not answer at the moment.
  const [shown, setShown] = useState(user);
  if (status !== 503 && user !== shown) setShown(user);

  const send20 = async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, () => fetch('/api/me')));
    setStorm(`${responses.filter(({ ok }) => ok).length} of 20 served`);
  };
  const actions = {
    'sign-in': () => signIn('ada', 'lovelace'),
    load: () => router.refresh(),
    storm: send20,
    'sign-out': signOut,
  };
  useEffect(() => {
    if (!isPending) document.body.dataset.done = Number(document.body.dataset.done ?? 0) + 1;
  }, [isPending]);
  return (
    <>
      <p>
        Signed in: <output id="user">{shown ?? 'nobody'}</output>{' '}
        <output id="problem">{[200, 401].includes(status) ? '' : status}</output>
      </p>
      {Object.entries(actions).map(([id, action]) => (
        <button id={id} key={id} onClick={() => startTransition(async () => void (await action()))}>
          {id}
        </button>
      ))}
      <output id="storm-result">{storm}</output>
    </>
  );
}
