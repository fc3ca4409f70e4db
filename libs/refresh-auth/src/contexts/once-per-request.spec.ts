import { expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { OncePerRequest } from './once-per-request.js';

test('the work is done once for a request, however it is wrapped and however many ask', async () => {
  const once = new OncePerRequest<number>();
  const raw = { headers: {} };
  let made = 0;
  const make = async () => ++made;

  const results = await Promise.all([raw, { raw }, raw].map(async (request) => once.get(request, 'token', make)));

  expect(results).toEqual([1, 1, 1]);
  expect(await once.get({ headers: {} }, 'token', make)).toBe(2);
  expect(await once.get(raw, 'another token', make)).toBe(3);
});

test('a failure is kept like a result', async () => {
  const once = new OncePerRequest<number>();
  const request = { headers: {} };

  const fail = () => {
    throw new Error('first');
  };

  await expect(once.get(request, 'token', fail)).rejects.toThrow('first');
  await expect(once.get(request, 'token', async () => 2)).rejects.toThrow('first');
});

test('printing a request shows neither the token that it presented nor its successor', async () => {
  const once = new OncePerRequest<object>();
  const request = { headers: {} };
  await once.get(request, 'brought', async () => ({ refreshed: 'got' }));
  await once.get(request, 'another', async () => ({ refreshed: 'got' }));

  expect(inspect(request, { depth: 9, showHidden: true })).not.toMatch(/brought|another|got/);
});

test('each instance does its own work', async () => {
  const request = { headers: {} };
  const [one, other] = [new OncePerRequest<number>(), new OncePerRequest<number>()];

  const results = [
    one.get(request, 'token', () => 1),
    other.get(request, 'token', () => 2),
    one.get(request, 'token', () => 3),
  ];

  expect(results).toEqual([1, 2, 1]);
});
