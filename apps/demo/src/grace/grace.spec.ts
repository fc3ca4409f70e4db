import { expect, test } from '@jest/globals';
import { gracePolicy } from './grace.js';

const secret = 'a secret of the usual module, long enough for it';

test.each([
  [{ secure: true }, '__Host-grace-authorization'],
  [{}, '__Host-grace-authorization'],
  [{ secure: false }, 'grace-authorization'],
])('with the cookie %j of the usual module, its own is named %s', (cookie, name) => {
  expect(gracePolicy({ secret, delivery: { header: false, cookie } }).delivery).toEqual({
    header: false,
    cookie: { ...cookie, name },
  });
});

test.each([{ delivery: { cookie: false } } as const, { delivery: { cookie: { secure: false } } }, {}])(
  'with %j there is only the header',
  (options) => {
    expect(gracePolicy({ secret, ...options }).delivery).toEqual({ cookie: false });
  },
);
