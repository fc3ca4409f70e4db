import { describe, expect, test } from '@jest/globals';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import { resolveDelivery } from './delivery-options.js';

const COOKIE = {
  name: 'authorization',
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
};
const HEADER = { name: 'Authorization', scheme: 'Bearer' };

function errorOfCookie(cookie: unknown): object {
  return optionsErrorOf(() => resolveDelivery({ cookie }));
}

test('[D6] by default both, and a cookie that is as safe as can be', () => {
  expect(resolveDelivery({})).toEqual({ header: HEADER, cookie: COOKIE });
});

test.each([
  ['[D8] the header can be switched off', { header: false }, { header: undefined, cookie: COOKIE }],
  ['the cookie can be switched off', { cookie: false }, { header: HEADER, cookie: undefined }],
  [
    'the header can be another one, without a scheme',
    { header: { name: 'X-Token', scheme: '' } },
    { header: { name: 'X-Token', scheme: '' }, cookie: COOKIE },
  ],
  [
    'the scheme alone can be another',
    { header: { scheme: 'JWT' } },
    { header: { ...HEADER, scheme: 'JWT' }, cookie: COOKIE },
  ],
])('%s', (_, options, expected) => {
  expect(resolveDelivery(options)).toEqual(expected);
});

test.each([
  ['[D6] a __Host- name', { name: '__Host-session' }],
  ['[D6] a __Host- name in another case', { name: '__HOST-session', path: '/' }],
  ['a __Secure- name', { name: '__Secure-session', domain: 'example.com', path: '/app' }],
  ['a name in which __Host- stands further behind', { name: 'my__Host-session', domain: 'example.com' }],
  ['a whole domain', { domain: '.example.com' }],
  ['SameSite=None', { sameSite: 'none' }],
  ['SameSite=Strict', { sameSite: 'strict' }],
  ['Partitioned', { partitioned: true, sameSite: 'none' }],
  ['plain HTTP, for development', { secure: false }],
  ['a readable one', { httpOnly: false }],
  ['every letter that a name may have', { name: "a1!#$%&'*+-.^_`|~" }],
])('a cookie can have %s', (_, cookie) => {
  expect(resolveDelivery({ cookie }).cookie).toEqual({ ...COOKIE, ...cookie });
});

test.each(['name', 'path', 'secure', 'httpOnly', 'sameSite', 'partitioned'])(
  '[D6] cookie attribute %s that is undefined has its default',
  (attribute) => {
    expect(resolveDelivery({ cookie: { [attribute]: undefined } }).cookie).toEqual(COOKIE);
  },
);

test.each(['name', 'scheme'])('header %s that is undefined has its default', (part) => {
  expect(resolveDelivery({ header: { [part]: undefined } }).header).toEqual(HEADER);
});

describe('objects', () => {
  const odd = [null, true, 7, 'Authorization', ['authorization'], () => undefined];

  test.each(odd)('delivery is one, not %p', (value) => {
    expect(optionsErrorOf(() => resolveDelivery(value))).toEqual({
      option: 'delivery',
      says: 'is not an object. Write an object with header, cookie.',
    });
  });

  test.each(odd)('delivery.header is one or false, not %p', (header) => {
    expect(optionsErrorOf(() => resolveDelivery({ header }))).toEqual({
      option: 'delivery.header',
      says: 'is not an object. Write an object with name, scheme.',
    });
  });

  test.each(odd)('delivery.cookie is one or false, not %p', (cookie) => {
    expect(errorOfCookie(cookie)).toEqual({
      option: 'delivery.cookie',
      says: 'is not an object. Write an object with name, domain, path, sameSite, secure, httpOnly, partitioned.',
    });
  });

  test.each([
    [{ headers: {} }, 'delivery.headers', 'header, cookie'],
    [{ header: { Scheme: 'x' } }, 'delivery.header.Scheme', 'name, scheme'],
    [
      { cookie: { maxAge: 1 } },
      'delivery.cookie.maxAge',
      'name, domain, path, sameSite, secure, httpOnly, partitioned',
    ],
  ])('have no names that nobody knows: %j', (options, option, names) => {
    expect(optionsErrorOf(() => resolveDelivery(options))).toEqual({
      option,
      says: `is not known. It may have ${names}.`,
    });
  });
});

test('the new token has to go somewhere', () => {
  expect(optionsErrorOf(() => resolveDelivery({ header: false, cookie: false }))).toEqual({
    option: 'delivery',
    says: 'switches off both header and cookie. Leave one of them on: the new token has to go somewhere.',
  });
});

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

test.each(notTokens)('delivery.header.name is not %j', (name) => {
  expect(optionsErrorOf(() => resolveDelivery({ header: { name } }))).toEqual({
    option: 'delivery.header.name',
    says: "is not the name of a header. Write a name such as 'Authorization'.",
  });
});

test.each(['X-Set-Cookie', 'Vary-Token', 'Token-Date', 'Not-Content-Token', 'My-Access-Control-Token'])(
  'delivery.header.name can be %s',
  (name) => {
    expect(resolveDelivery({ header: { name } }).header).toEqual({ ...HEADER, name });
  },
);

test.each(['Content-Type', 'Content-Security-Policy', 'Access-Control-Allow-Origin', 'access-control-max-age'])(
  'delivery.header.name is not %s, which has a meaning of its own',
  (name) => {
    expect(optionsErrorOf(() => resolveDelivery({ header: { name } }))).toMatchObject({
      option: 'delivery.header.name',
    });
  },
);

test.each(notTokens.filter((scheme) => scheme !== ''))('delivery.header.scheme is not %j', (scheme) => {
  expect(optionsErrorOf(() => resolveDelivery({ header: { scheme } }))).toEqual({
    option: 'delivery.header.scheme',
    says: "is not the name of a scheme. Write a name such as 'Bearer', or '' for the bare token.",
  });
});

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

// A browser takes a path that does not begin with a slash for none, and the cookie then belongs to a part of the site only.
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
    says: "is not known. Write 'strict', 'lax' or 'none'.",
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
      says: `is false, which browsers refuse with ${needs}. Leave it true.`,
    });
  });

  test.each(['__Host-x', '__host-x', '__HOST-X'])('%s with a domain', (name) => {
    expect(errorOfCookie({ name, domain: 'example.com' })).toEqual({
      option: 'delivery.cookie.domain',
      says: `is given, which browsers refuse with name \`${name}\`. Leave it out.`,
    });
  });

  test.each(['__Host-x', '__host-x', '__HOST-X'])('%s with another path', (name) => {
    expect(errorOfCookie({ name, path: '/app' })).toEqual({
      option: 'delivery.cookie.path',
      says: `is not '/', which browsers refuse with name \`${name}\`. Write '/'.`,
    });
  });
});
