import type { Revocation } from '../../store/session-store.js';
import type { WholeStore } from './checks.js';

/** How long a check waits for a notification before the store counts as one that gives none, in milliseconds. */
const PATIENCE = 5_000;

/** Reads the log on each notification of a store, counts them, and lets a check wait for an entry. */
export function listen(on: WholeStore) {
  let notifications = 0;
  let reading = Promise.resolve();
  const awaited = new Map<string, () => void>();
  const read = async (): Promise<void> => {
    const { entries } = await on.revocationsAfter(0, 0);
    for (const entry of entries) awaited.get(nameOf(entry))?.();
  };
  const stop = on.onRevocation(
    () => {
      notifications += 1;
      reading = reading.then(read);
    },
    (reason) => {
      throw new Error(`The store does not let itself be listened to: ${reason}`);
    },
  );
  return {
    notifications: () => notifications,
    /**
     * @param name of a session or a user in the log
     * @throws Error when no notification comes after which the log has it
     */
    heard: (name: string) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('The store did not notify its listener')), PATIENCE);
        awaited.set(name, () => {
          clearTimeout(timer);
          resolve();
        });
      }),
    async stop() {
      await stop();
      await reading;
    },
  };
}

function nameOf(entry: Revocation): string {
  return 'session' in entry ? entry.session : entry.user;
}
