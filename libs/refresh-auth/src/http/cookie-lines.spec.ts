import { describe, expect, test } from '@jest/globals';
import { CookieLines } from './cookie-lines.js';
import { type CookieOptions, readCookie } from '../options/cookie-options.js';
import { OptionReader } from '../options/option-reader.js';

function linesOf(options: CookieOptions): CookieLines {
  return new CookieLines(readCookie(new OptionReader(options)));
}

test('[D6] the line with a token has every attribute', () => {
  const lines = linesOf({
    name: '__Secure-t',
    domain: 'example.com',
    path: '/app',
    httpOnly: true,
    sameSite: 'none',
    partitioned: true,
  });

  expect(lines.carrying('T', 600)).toEqual([
    '__Secure-t=T; Max-Age=600; Domain=example.com; Path=/app; HttpOnly; Secure; Partitioned; SameSite=None',
  ]);
});

test('[D7] a cookie lives for 400 days at most', () => {
  const day = 24 * 60 * 60;

  expect(linesOf({}).carrying('T', 401 * day)).toEqual([
    `__Host-authorization=T; Max-Age=${400 * day}; Path=/; HttpOnly; Secure; SameSite=Lax`,
  ]);
});

test('[L7] the line that removes the cookie has the attributes with which it was set', () => {
  const lines = linesOf({ domain: 'example.com', path: '/app', sameSite: 'strict' });

  expect(lines.removing()).toEqual([
    'authorization=; Max-Age=0; Domain=example.com; Path=/app; HttpOnly; Secure; SameSite=Strict',
  ]);
});

describe('[F21] cookies of earlier deployments', () => {
  const previous = [
    { name: 'authorization', domain: '.example.com' },
    { name: '__Host-token', partitioned: true },
    { name: '__Secure-token', path: '/app' },
  ];
  const removals = [
    'authorization=; Max-Age=0; Domain=.example.com; Path=/; HttpOnly; Secure; SameSite=Lax',
    '__Host-token=; Max-Age=0; Path=/; HttpOnly; Secure; Partitioned; SameSite=Lax',
    '__Secure-token=; Max-Age=0; Path=/app; HttpOnly; Secure; SameSite=Lax',
  ];

  test('are removed before the line that sets the current one, so that it wins in clients that confuse them', () => {
    expect(linesOf({ previous }).carrying('T', 600)).toEqual([
      ...removals,
      '__Host-authorization=T; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax',
    ]);
  });

  test('are removed at a sign-out', () => {
    expect(linesOf({ previous }).removing()).toEqual([
      ...removals,
      '__Host-authorization=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
    ]);
  });

  test.each<[string, CookieOptions, line: string]>([
    [
      'over plain HTTP without Secure',
      { secure: false, name: 'a', previous: [{ name: 'b' }] },
      'b=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
    ],
    [
      'over plain HTTP with Secure where the name needs it',
      { secure: false, name: 'a', previous: [{ name: '__SECURE-b' }] },
      '__SECURE-b=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
    ],
    [
      'over plain HTTP with Secure where the partition needs it',
      { secure: false, name: 'a', previous: [{ name: 'b', partitioned: true }] },
      'b=; Max-Age=0; Path=/; HttpOnly; Secure; Partitioned; SameSite=Lax',
    ],
    [
      'in a response to another site with SameSite=None',
      { sameSite: 'none', httpOnly: false, previous: [{ name: 'b' }] },
      'b=; Max-Age=0; Path=/; Secure; SameSite=None',
    ],
    [
      'outside the partition of the current cookie',
      { partitioned: true, sameSite: 'none', previous: [{ name: '__Host-authorization' }] },
      '__Host-authorization=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None',
    ],
  ])('are removed %s', (_, options, line) => {
    expect(linesOf(options).removing()[0]).toBe(line);
  });
});
