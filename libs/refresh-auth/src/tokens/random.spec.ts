import { expect, test } from '@jest/globals';
import { Random } from './random.js';

test('no byte is handed out twice, for any sequence of sizes', () => {
  const random = new Random();
  const drawn = [12, 16, 16, 5000, 4096, 12].flatMap((count) => {
    const bytes = random.bytes(count);
    expect(bytes).toHaveLength(count);
    return [...Array(Math.floor(count / 8)).keys()].map((index) => bytes.toString('hex', index * 8, index * 8 + 8));
  });

  expect(new Set(drawn).size).toBe(drawn.length);
});

test('bytes that were handed out do not change', () => {
  const random = new Random();
  const first = random.bytes(16);
  const text = first.toString('hex');
  for (let draw = 0; draw < 1000; draw++) random.bytes(16);

  expect(first.toString('hex')).toBe(text);
  expect(text).not.toBe('0'.repeat(32));
});

test('[R7] an id has 128 bits, and no two are equal', () => {
  const random = new Random();
  const ids = Array.from({ length: 10_000 }, () => random.id());

  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[\w-]{22}$/.test(id))).toEqual([]);
});
