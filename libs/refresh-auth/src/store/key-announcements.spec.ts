import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { algorithms, keyFor, p256, secret } from '../../../../test/support/key-material.js';
import { createKeyRing, type KeyOptions } from '../options/key-options.js';
import { Events, type RefreshAuthEvent } from '../events/events.js';
import { InMemorySessionStore } from './in-memory-session-store.js';
import { KeyAnnouncements } from './key-announcements.js';

const MINUTE = 60_000;
const A: KeyOptions = { kid: 'a', algorithm: 'HS256', secret: `${secret}, of application A` };
const B: KeyOptions = { kid: 'b', algorithm: 'HS256', secret: `${secret}, of application B` };
const C: KeyOptions = { kid: 'c', algorithm: 'HS256', secret: `${secret}, of application C` };

let clock: TestClock;
let store: InMemorySessionStore;
const processes: KeyAnnouncements[] = [];

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  clock = new TestClock();
  store = new InMemorySessionStore(clock);
});
afterEach(async () => {
  processes.splice(0).forEach((each) => each.stop());
  await store.close();
  jest.useRealTimers();
});

/** Starts a process. @returns what it has reported so far */
async function start(...keys: KeyOptions[]): Promise<RefreshAuthEvent[]> {
  const events = new Events(clock);
  const reported: RefreshAuthEvent[] = [];
  events.observable.subscribe((event) => reported.push(event));
  const settings = { keys: createKeyRing({ keys }), keyPrefix: 'shop', storeTimeout: 500 };
  const announcements = new KeyAnnouncements(store, events, settings);
  processes.push(announcements);
  await announcements.start();
  return reported;
}

async function pass(milliseconds: number): Promise<void> {
  clock.advance(milliseconds);
  await jest.advanceTimersByTimeAsync(milliseconds);
}

const SHARED = { type: 'prefix-shared', keyPrefix: 'shop' };

describe('KeyAnnouncements', () => {
  test('[F11] of two processes without a common key, the second reports it at its start, the first within a minute, each once', async () => {
    const first = await start(A);
    const second = await start(B);
    expect([first.length, second]).toEqual([0, [expect.objectContaining(SHARED)]]);

    await pass(MINUTE);
    expect(first).toEqual([expect.objectContaining(SHARED)]);
    await pass(10 * MINUTE);
    expect([first.length, second.length]).toEqual([1, 1]);
  });

  test('[F11] of two processes without a common key, the later reports nothing three minutes after the earlier has stopped', async () => {
    await start(A);
    processes.splice(0).forEach((each) => each.stop());
    await pass(3 * MINUTE);

    expect(await start(B)).toEqual([]);
  });

  test.each([
    ['a common key', [[A], [A]]],
    ['the steps of a key rotation side by side', [[A], [A, B]]],
    ['the last steps of a key rotation side by side', [[B, A], [B]]],
    [
      'services that sign with their own keys and verify those of the others',
      [
        [A, B, C],
        [B, A, C],
        [C, A, B],
      ],
    ],
    ['one secret under two key ids', [[A], [{ ...A, kid: 'other' }]]],
  ])('[F11] nothing is reported of %s', async (_, rings) => {
    const reported: RefreshAuthEvent[][] = [];
    for (const keys of rings) reported.push(await start(...keys));
    await pass(MINUTE);

    expect(reported.flat()).toEqual([]);
  });

  test('[F11] nothing is reported of a process that signs and one that has the public key only', async () => {
    await start({ algorithm: 'ES256', privateKey: p256.privateKey });
    const publicKey = p256.publicKey.export({ type: 'spki', format: 'pem' });

    expect(await start(A, { kid: 'es', algorithm: 'ES256', publicKey })).toEqual([]);
  });

  test.each(algorithms)(
    '[F11] what is announced of a key for %s is no part of it, and differs by prefix',
    async (algorithm) => {
      const announced: string[] = [];
      for (const keyPrefix of ['shop', 'bank', 'shop']) {
        const one = new InMemorySessionStore(clock);
        const settings = { keys: createKeyRing({ keys: [keyFor(algorithm)] }), keyPrefix, storeTimeout: 500 };
        const process = new KeyAnnouncements(one, new Events(clock), settings);
        await process.start();
        process.stop();
        announced.push(...(await one.announceKeys('', 1)).filter((text) => text !== ''));
        await one.close();
      }
      const [shop = '', bank] = announced;

      expect(announced).toEqual([shop, bank, shop]);
      expect(shop).toMatch(/^[\w-]{22}$/);
      expect(bank).not.toBe(shop);
    },
  );

  test('[F11] a store that refuses or hangs delays the start by `storeTimeout` at most, and the next announcement follows in a minute', async () => {
    await start(A);
    const announceKeys = store.announceKeys.bind(store);
    store.announceKeys = async () => Promise.reject(new Error('NOPERM'));
    const refused = await start(B);
    store.announceKeys = () => new Promise(() => undefined);
    const starting = start(C);
    await jest.advanceTimersByTimeAsync(500);
    const hung = await starting;
    store.announceKeys = announceKeys;
    expect([refused.length, hung.length]).toEqual([0, 0]);

    await pass(MINUTE);
    expect([refused.length, hung.length]).toEqual([1, 1]);
  });

  test('[F11] a store without the method is asked nothing', async () => {
    Object.assign(store, { announceKeys: undefined });

    await start(A);
    expect([await start(B), jest.getTimerCount()]).toEqual([[], 0]);
  });

  test('stops', async () => {
    await start(A);
    processes.splice(0).forEach((each) => each.stop());
    await store.close();

    expect(jest.getTimerCount()).toBe(0);
  });
});
