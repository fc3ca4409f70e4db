import { beforeEach, describe, expect, test } from '@jest/globals';
import { LatestUnderway } from './latest-underway.js';

describe('[D11] the latest generation in progress', () => {
  let underway: LatestUnderway;
  const isLatest = (gen: number, sid = 'a') => underway.isLatest({ sid, gen });

  beforeEach(() => {
    underway = new LatestUnderway();
  });

  test('is any generation if none is in progress', () => {
    expect([isLatest(0), isLatest(1)]).toEqual([true, true]);
  });

  test.each([
    ['in order', [1, 2]],
    ['the other way round', [2, 1]],
  ])('makes older ones of its session outdated, and of no other: %s', (_, gens) => {
    for (const gen of gens) underway.add({ sid: 'a', gen });

    expect([isLatest(1), isLatest(2), isLatest(3)]).toEqual([false, true, true]);
    expect(isLatest(1, 'b')).toBe(true);
  });

  test('counts until the last response of the session was removed', () => {
    const [slow, fast] = [
      { sid: 'a', gen: 1 },
      { sid: 'a', gen: 2 },
    ];
    underway.add(slow);
    underway.add(fast);

    underway.remove(fast);
    expect(isLatest(1)).toBe(false);
    underway.remove(slow);
    expect([isLatest(1), underway.size]).toEqual([true, 0]);
  });
});
