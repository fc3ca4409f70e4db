import { describe, expect, test } from '@jest/globals';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import type { DeliverySettings } from '../http/delivery-settings.js';
import { readDelivery } from './delivery-options.js';
import { OptionReader } from './option-reader.js';

function resolveDelivery(options: unknown): DeliverySettings {
  return readDelivery(new OptionReader(options, 'delivery'));
}

const COOKIE = {
  name: '__Host-authorization',
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
  previous: [],
};
const HEADER = { name: 'Authorization', scheme: 'Bearer' };

test('[D6] by default both are on, and the cookie has the strictest attributes', () => {
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

test.each(['name', 'scheme'])('header %s that is undefined gets its default', (part) => {
  expect(resolveDelivery({ header: { [part]: undefined } }).header).toEqual(HEADER);
});

describe('objects', () => {
  const odd = [null, true, 7, 'Authorization', ['authorization'], () => undefined];

  test.each(odd)('delivery is an object, not %p', (value) => {
    expect(optionsErrorOf(() => resolveDelivery(value))).toEqual({
      option: 'delivery',
      says: 'is not an object. Write an object with header, cookie.',
    });
  });

  test.each(odd)('delivery.header is an object or false, not %p', (header) => {
    expect(optionsErrorOf(() => resolveDelivery({ header }))).toEqual({
      option: 'delivery.header',
      says: 'is not an object. Write an object with name, scheme.',
    });
  });

  test.each(odd)('delivery.cookie is an object or false, not %p', (cookie) => {
    expect(optionsErrorOf(() => resolveDelivery({ cookie }))).toEqual({
      option: 'delivery.cookie',
      says: 'is not an object. Write an object with name, domain, path, partitioned, secure, httpOnly, sameSite, previous.',
    });
  });

  test.each([
    [{ headers: {} }, 'delivery.headers', 'header, cookie'],
    [{ header: { Scheme: 'x' } }, 'delivery.header.Scheme', 'name, scheme'],
    [
      { cookie: { maxAge: 1 } },
      'delivery.cookie.maxAge',
      'name, domain, path, partitioned, secure, httpOnly, sameSite, previous',
    ],
  ])('reject unknown options: %j', (options, option, names) => {
    expect(optionsErrorOf(() => resolveDelivery(options))).toEqual({
      option,
      says: `is not known. Use only ${names}.`,
    });
  });
});

test('header and cookie cannot both be switched off', () => {
  expect(optionsErrorOf(() => resolveDelivery({ header: false, cookie: false }))).toEqual({
    option: 'delivery',
    says: 'switches off both header and cookie. Leave one of them on: without either, no new token reaches the client.',
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
    says: "is not the name of a header, or is one that has another meaning. Write a name such as 'Authorization'.",
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
