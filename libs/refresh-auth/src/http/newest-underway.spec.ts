import { beforeEach, describe, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { claims } from '../../../../test/support/signed-claims.js';
import type { IssuedToken } from '../tokens/claims.js';
import type { RawResponse } from './http-message.js';
import { NewestUnderway } from './newest-underway.js';

const generation = (gen: number, sid = 'a'): IssuedToken => ({
  token: `${sid}.${gen}`,
  claims: { ...claims, sid, gen },
});
const response = (): RawResponse & EventEmitter => new EventEmitter() as RawResponse & EventEmitter;

describe('[D11] The newest generation that is under way', () => {
  let underway: NewestUnderway;

  beforeEach(() => {
    underway = new NewestUnderway();
  });

  test('is any, where nothing is', () => {
    expect([0, 1].map((gen) => underway.isNewest(generation(gen)))).toEqual([true, true]);
  });

  test.each([
    ['in order', [1, 2]],
    ['the other way round', [2, 1]],
  ])('overtakes older ones of its session, and of no other: %s', (_, gens) => {
    for (const gen of gens) underway.add(response(), generation(gen));

    expect([1, 2, 3].map((gen) => underway.isNewest(generation(gen)))).toEqual([false, true, true]);
    expect(underway.isNewest(generation(1, 'b'))).toBe(true);
  });

  test('counts until the last response of the session has closed', () => {
    const [slow, fast] = [response(), response()];
    underway.add(slow, generation(1));
    underway.add(fast, generation(2));

    fast.emit('close');
    expect(underway.isNewest(generation(1))).toBe(false);
    slow.emit('close');
    expect(underway.isNewest(generation(1))).toBe(true);
  });

  test('counts a response once, whatever was due for it before', () => {
    const one = response();
    underway.add(one, generation(1));
    underway.add(one, generation(2));

    expect(one.listenerCount('close')).toBe(1);
    expect(underway.isNewest(generation(1))).toBe(false);
    one.emit('close');
    expect(underway.isNewest(generation(1))).toBe(true);
  });
});
