import { describe, expect, test } from '@jest/globals';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import type { CrossSiteSettings } from '../http/cross-site.js';
import { readCrossSite } from './cross-site-options.js';
import { OptionReader } from './option-reader.js';

function resolveCrossSite(options: unknown): CrossSiteSettings {
  return readCrossSite(new OptionReader(options, 'csrf'));
}

describe('[C3] a trusted origin', () => {
  test.each([
    'https://app.example.com',
    'https://example.com:8443',
    'http://localhost:5173',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'capacitor://localhost',
    'https://xn--mnchen-3ya.example',
  ])('may be %s', (origin) => {
    expect(resolveCrossSite({ trustedOrigins: ['https://first.example', origin] })).toEqual({
      trustedOrigins: new Set(['https://first.example', origin]),
    });
  });

  test.each([
    '',
    'null',
    '*',
    'app.example.com',
    '//app.example.com',
    'https:',
    'https://',
    'file://',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://app.example.com?query',
    'https://app.example.com#fragment',
    'https://user@app.example.com',
    'https://App.example.com',
    'HTTPS://app.example.com',
    'https://app.example.com:443',
    'https://*.example.com',
    'https://münchen.example',
    ' https://app.example.com',
    'https://app.example.com ',
    'https://a.example,https://b.example',
    undefined,
    7,
    /example/,
    new URL('https://app.example.com'),
  ])('does not boot as %p', (origin) => {
    expect(optionsErrorOf(() => resolveCrossSite({ trustedOrigins: ['https://first.example', origin] }))).toEqual({
      option: 'csrf.trustedOrigins[1]',
      says: "is not an origin as browsers write it. Write scheme://host[:port] in lower case and nothing more, such as 'https://app.example.com'.",
    });
  });
});

describe('the option', () => {
  test.each([[{}], [{ trustedOrigins: [] }], [{ trustedOrigins: undefined }]])('%j trusts nobody', (options) => {
    expect(resolveCrossSite(options)).toEqual({ trustedOrigins: new Set() });
  });

  test('false switches the check off', () => {
    expect(resolveCrossSite(false)).toBeUndefined();
  });

  test.each([
    [true, 'csrf', 'is not an object. Write an object with trustedOrigins.'],
    [null, 'csrf', 'is not an object. Write an object with trustedOrigins.'],
    ['https://app.example.com', 'csrf', 'is not an object. Write an object with trustedOrigins.'],
    [['https://app.example.com'], 'csrf', 'is not an object. Write an object with trustedOrigins.'],
    [{ origins: [] }, 'csrf.origins', 'is not known. Use only trustedOrigins.'],
    [
      { trustedOrigins: 'https://app.example.com' },
      'csrf.trustedOrigins',
      "is not a list. Write a list such as ['https://app.example.com'].",
    ],
  ])('%j does not boot', (options, option, says) => {
    expect(optionsErrorOf(() => resolveCrossSite(options))).toEqual({ option, says });
  });
});
