import { sessionName } from '../../tokens/session-id.js';
import type { WholeStore } from './checks.js';

/** Answers the bell of a store by reading the log, counts how often it rang, and lets a check wait for an entry. */
export function listen(on: WholeStore) {
  let rings = 0;
  let reading = Promise.resolve();
  const awaited = new Map<string, () => void>();
  const read = async (): Promise<void> => {
    const { entries } = await on.revocationsAfter(0, 0);
    for (const entry of entries) if ('session' in entry) awaited.get(entry.session)?.();
  };
  const stop = on.onRevocation(
    () => {
      rings += 1;
      reading = reading.then(read);
    },
    (reason) => {
      throw new Error(`The store does not let itself be listened to: ${reason}`);
    },
  );
  return {
    rings: () => rings,
    heard: (sid: string) => new Promise<void>((resolve) => void awaited.set(sessionName(sid), resolve)),
    async stop() {
      await stop();
      await reading;
    },
  };
}
