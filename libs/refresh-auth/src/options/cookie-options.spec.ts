import { describe, expect, test } from '@jest/globals';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import { type Cookie, cookieNames } from '../http/cookie.js';
import { readCookie } from './cookie-options.js';
import { OptionReader } from './option-reader.js';

const COOKIE = {
  name: '__Host-authorization',
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
  previous: [],
};

function resolveCookie(options: unknown): Cookie {
  return readCookie(new OptionReader(options, 'delivery.cookie'));
}

function errorOfCookie(cookie: unknown): object {
  return optionsErrorOf(() => resolveCookie(cookie));
}

test('[D6] by default a cookie has the strictest attributes', () => {
  expect(resolveCookie({})).toEqual(COOKIE);
});

test.each([
  ['[D6] a __Host- name', { name: '__Host-session' }],
  ['[D6] a __Host- name in another case', { name: '__HOST-session', path: '/' }],
  ['a __Secure- name', { name: '__Secure-session', domain: 'example.com', path: '/app' }],
  ['a name in which __Host- stands further behind', { name: 'my__Host-session', domain: 'example.com' }],
  ['a whole domain', { name: 'session', domain: '.example.com' }],
  ['SameSite=None', { sameSite: 'none' }],
  ['SameSite=Strict', { sameSite: 'strict' }],
  ['Partitioned', { partitioned: true, sameSite: 'none' }],
  ['plain HTTP, for development', { name: 'session', secure: false }],
  ['a readable one', { httpOnly: false }],
  ['every letter that a name may have', { name: "a1!#$%&'*+-.^_`|~" }],
])('a cookie can have %s', (_, cookie) => {
  expect(resolveCookie(cookie)).toEqual({ ...COOKIE, ...cookie });
});

test.each([
  ['__Host-authorization', {}],
  ['__Host-authorization', { path: '/', secure: true }],
  ['__Host-authorization', { sameSite: 'none', partitioned: true, httpOnly: false }],
  ['authorization', { secure: false }],
  ['authorization', { domain: 'example.com' }],
  ['authorization', { path: '/app' }],
])('[D6] the default name is %s with %j', (name, attributes) => {
  expect(resolveCookie(attributes).name).toBe(name);
});

test.each(['name', 'domain', 'path', 'secure', 'httpOnly', 'sameSite', 'partitioned', 'previous'])(
  '[D6] cookie attribute %s that is undefined has its default',
  (attribute) => {
    expect(resolveCookie({ [attribute]: undefined })).toEqual(COOKIE);
  },
);

const notTokens = [
  '',
  ' ',
  'a b',
  'a\tb',
  'a\r\nSet-Cookie: x',
  'a:b',
  'a=b',
  'a;b',
  'a,b',
  '"a"',
  '(a)',
  'é',
  'a\0',
  7,
  null,
  true,
  {},
];

test.each(notTokens)('[D6] delivery.cookie.name is not %j', (name) => {
  expect(errorOfCookie({ name })).toEqual({
    option: 'delivery.cookie.name',
    says: "is not the name of a cookie. Write a name such as 'authorization'.",
  });
});

test.each([
  '',
  ' ',
  'a b',
  'exa;mple.com',
  'example.com\r\nX: y',
  '-example.com',
  'https://example.com',
  'a..b',
  'é.example',
  7,
  null,
  true,
])('[D6] delivery.cookie.domain is not %j', (domain) => {
  expect(errorOfCookie({ domain })).toEqual({
    option: 'delivery.cookie.domain',
    says: "cannot be written into a cookie. Write a value such as 'example.com'.",
  });
});

// Browsers ignore a path that does not begin with a slash, and the cookie is then limited to a part of the site.
test.each(['', ' ', 'app', './', 'https://example.com/', '/a;b', '/a\r\nX: y', '/é', 7, null, true])(
  '[D6] delivery.cookie.path is not %j',
  (path) => {
    expect(errorOfCookie({ path })).toEqual({
      option: 'delivery.cookie.path',
      says: "cannot be written into a cookie. Write a value such as '/'.",
    });
  },
);

test.each(['Lax', 'NONE', '', true, false, null, 7])('delivery.cookie.sameSite is not %j', (sameSite) => {
  expect(errorOfCookie({ sameSite })).toEqual({
    option: 'delivery.cookie.sameSite',
    says: expect.stringMatching(/^is .*, which is not known\. Write one of 'strict', 'lax', 'none'\.$/),
  });
});

test.each(
  ['secure', 'httpOnly', 'partitioned'].flatMap((flag) =>
    ['true', 'auto', 1, 0, null].map((odd) => [flag, odd] as const),
  ),
)('delivery.cookie.%s is not %j', (flag, odd) => {
  expect(errorOfCookie({ [flag]: odd })).toEqual({
    option: `delivery.cookie.${flag}`,
    says: 'is not a boolean. Write true or false.',
  });
});

describe('[D6] a cookie that contradicts itself does not boot', () => {
  test.each([
    [{ name: '__Host-x', secure: false }, 'name `__Host-x`'],
    [{ name: '__HOST-x', secure: false }, 'name `__HOST-x`'],
    [{ name: '__Secure-x', secure: false }, 'name `__Secure-x`'],
    [{ name: '__secure-x', secure: false }, 'name `__secure-x`'],
    [{ sameSite: 'none', secure: false }, "sameSite 'none'"],
    [{ partitioned: true, secure: false }, 'partitioned'],
  ])('%j', (cookie, needs) => {
    expect(errorOfCookie(cookie)).toEqual({
      option: 'delivery.cookie.secure',
      says: `is false, but browsers require it with ${needs}. Leave it true.`,
    });
  });

  test.each(['__Host-x', '__host-x', '__HOST-X'])('%s with a domain', (name) => {
    expect(errorOfCookie({ name, domain: 'example.com' })).toEqual({
      option: 'delivery.cookie.domain',
      says: `is given, but browsers reject a cookie named \`${name}\` that has a domain. Leave it out.`,
    });
  });

  test.each(['__Host-x', '__host-x', '__HOST-X'])('%s with another path', (name) => {
    expect(errorOfCookie({ name, path: '/app' })).toEqual({
      option: 'delivery.cookie.path',
      says: `is not '/', but browsers reject a cookie named \`${name}\` with any other path. Write '/'.`,
    });
  });
});

describe('[F21] delivery.cookie.previous', () => {
  const HOST = { name: '__Host-authorization', path: '/', partitioned: false };
  const PLAIN = { name: 'authorization', path: '/', partitioned: false };

  test.each<[string, current: object, previous: object[], expected: object[]]>([
    ['has the defaults of a cookie, and both names', { domain: 'example.com' }, [{}], [HOST, PLAIN]],
    ['leaves out the current cookie of two default names', {}, [{}], [PLAIN]],
    ['leaves out the current cookie over plain HTTP too', { secure: false }, [{}], [HOST]],
    [
      'has only __Host- where partitioned needs Secure',
      { name: 'a' },
      [{ partitioned: true }],
      [{ ...HOST, partitioned: true }],
    ],
    ['has only the plain name with a domain', {}, [{ domain: 'example.com' }], [{ ...PLAIN, domain: 'example.com' }]],
    ['has only the plain name with a path', {}, [{ path: '/app' }], [{ ...PLAIN, path: '/app' }]],
    ['has only the name that it says', {}, [{ name: 'token' }], [{ ...PLAIN, name: 'token' }]],
    [
      'does not take over what the current cookie has',
      { domain: 'example.com', path: '/app' },
      [{ name: 'a' }],
      [{ ...PLAIN, name: 'a' }],
    ],
    ['can differ from the current cookie in the partition alone', { partitioned: true }, [{ name: HOST.name }], [HOST]],
    [
      'can differ from the current cookie in the case of its name alone',
      { name: 'Token' },
      [{ name: 'token' }],
      [{ ...PLAIN, name: 'token' }],
    ],
    [
      'can differ from the current cookie in a slash alone',
      { path: '/app' },
      [{ path: '/app/' }],
      [{ ...PLAIN, path: '/app/' }],
    ],
    [
      'names each cookie once',
      {},
      [{ domain: 'example.com' }, { domain: '.EXAMPLE.com' }],
      [{ ...PLAIN, domain: 'example.com' }],
    ],
    [
      'can be undefined in part',
      {},
      [{ name: 'a', domain: undefined, path: undefined, partitioned: undefined }],
      [{ ...PLAIN, name: 'a' }],
    ],
    ['can be empty', {}, [], []],
  ])('%s', (_, current, previous, expected) => {
    expect(resolveCookie({ ...current, previous }).previous).toEqual(expected);
  });

  test.each<[string, current: object, previous: object]>([
    ['by its defaults', { secure: false, name: 'authorization' }, { name: 'authorization' }],
    ['by a dot in front of the domain', { domain: 'example.com' }, { domain: '.example.com' }],
    ['by the case of the domain', { domain: 'example.com' }, { domain: 'Example.COM' }],
    [
      'with every attribute',
      { name: '__Secure-a', domain: 'example.com', path: '/app', partitioned: true },
      { name: '__Secure-a', domain: 'example.com', path: '/app', partitioned: true },
    ],
  ])('is not the current cookie %s', (_, current, previous) => {
    expect(errorOfCookie({ ...current, previous: [{ name: 'other' }, previous] })).toEqual({
      option: 'delivery.cookie.previous[1]',
      says: 'is the current cookie. Leave it out, or write the name, domain, path or partitioned of the earlier cookie.',
    });
  });

  test.each([null, {}, 'authorization', true, 7])('is a list, not %j', (previous) => {
    expect(errorOfCookie({ previous })).toEqual({
      option: 'delivery.cookie.previous',
      says: "is not a list. Write a list of earlier cookies, such as [{ name: 'authorization' }].",
    });
  });

  test.each([
    ['authorization', '', 'is not an object. Write an object with name, domain, path, partitioned.'],
    [null, '', 'is not an object. Write an object with name, domain, path, partitioned.'],
    [undefined, '', 'is not an object. Write an object with name, domain, path, partitioned.'],
    [[], '', 'is not an object. Write an object with name, domain, path, partitioned.'],
    [{ secure: true }, '.secure', 'is not known. Use only name, domain, path, partitioned.'],
    [{ previous: [] }, '.previous', 'is not known. Use only name, domain, path, partitioned.'],
    [{ name: 'a b' }, '.name', "is not the name of a cookie. Write a name such as 'authorization'."],
    [{ name: null }, '.name', "is not the name of a cookie. Write a name such as 'authorization'."],
    [{ domain: 'a..b' }, '.domain', "cannot be written into a cookie. Write a value such as 'example.com'."],
    [{ domain: '' }, '.domain', "cannot be written into a cookie. Write a value such as 'example.com'."],
    [{ domain: 7 }, '.domain', "cannot be written into a cookie. Write a value such as 'example.com'."],
    [{ path: 'app' }, '.path', "cannot be written into a cookie. Write a value such as '/'."],
    [{ path: null }, '.path', "cannot be written into a cookie. Write a value such as '/'."],
    [{ partitioned: 'yes' }, '.partitioned', 'is not a boolean. Write true or false.'],
    [
      { name: '__Host-a', domain: 'example.com' },
      '.domain',
      'is given, but browsers reject a cookie named `__Host-a` that has a domain. Leave it out.',
    ],
    [
      { name: '__HOST-a', path: '/app' },
      '.path',
      "is not '/', but browsers reject a cookie named `__HOST-a` with any other path. Write '/'.",
    ],
  ])('does not boot with %j', (entry, where, says) => {
    expect(errorOfCookie({ previous: [{ name: 'a' }, entry] })).toEqual({
      option: `delivery.cookie.previous[1]${where}`,
      says,
    });
  });
});

test('[F21] each name is read once, the current one first', () => {
  const previous = [{ name: 'b' }, { name: 'a', path: '/app' }, { name: 'b', domain: 'example.com' }, {}];

  expect(cookieNames(resolveCookie({ name: 'a', previous }))).toEqual([
    'a',
    'b',
    '__Host-authorization',
    'authorization',
  ]);
  expect(cookieNames(undefined)).toEqual([]);
});
