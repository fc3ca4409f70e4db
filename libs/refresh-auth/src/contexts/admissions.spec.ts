import { expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { Admissions } from './admissions.js';

test('a decision is found on the request, however that is wrapped, by its token', () => {
  const admissions = new Admissions<number>();
  const raw = { headers: {} };
  admissions.remember({ raw }, 'token', 1);
  admissions.remember(raw, 'another token', 2);

  expect([raw, { raw }].map((request) => admissions.recall(request, 'token'))).toEqual([1, 1]);
  expect(admissions.recall(raw, 'another token')).toBe(2);
  expect(admissions.recall(raw, 'a third token')).toBeUndefined();
  expect(admissions.recall({ headers: {} }, 'token')).toBeUndefined();
});

test('nobody who prints a request sees the token that it brought, nor the one that it got', () => {
  const admissions = new Admissions<object>();
  const request = { headers: {} };
  admissions.remember(request, 'brought', { refreshed: 'got' });
  admissions.remember(request, 'another', { refreshed: 'got' });

  expect(inspect(request, { depth: 9, showHidden: true })).not.toMatch(/brought|another|got/);
});

test('each module finds its own', () => {
  const request = { headers: {} };
  const [one, other] = [new Admissions<number>(), new Admissions<number>()];
  one.remember(request, 'token', 1);
  other.remember(request, 'token', 2);

  expect([one.recall(request, 'token'), other.recall(request, 'token')]).toEqual([1, 2]);
});
