import { describe, expect, test } from '@jest/globals';
import { OriginWarnings } from './origin-warnings.js';

const refusal = (origin: string | undefined) => ({
  code: 'request_cross_site' as const,
  detail: 'by its header Origin',
  origin,
});

describe('[F62] a warning about an origin', () => {
  test('names the origin, the code and the option', () => {
    expect(new OriginWarnings().about(refusal('https://app.example.com'))).toBe(
      'A request from https://app.example.com was refused: request_cross_site (by its header Origin). If that is your front end, list it in `csrf.trustedOrigins`.',
    );
  });

  test('says so if the browser did not name it', () => {
    expect(new OriginWarnings().about(refusal('null'))).toBe(
      'A request from an origin that the browser did not name was refused: request_cross_site (by its header Origin). Browsers hide the origin of sandboxed pages and, on plain http, that of all pages with Referrer-Policy: no-referrer. If the page is yours, use https, or Referrer-Policy: same-origin.',
    );
  });

  test('is given once for each origin', () => {
    const warnings = new OriginWarnings();
    const origins = ['https://a.example', 'https://b.example', 'https://a.example', 'null', 'null'];

    expect(origins.map((origin) => warnings.about(refusal(origin)) !== undefined)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  test('is not given for an error without an origin', () => {
    expect(new OriginWarnings().about({ code: 'token_expired', detail: undefined, origin: undefined })).toBeUndefined();
  });

  test('[G4] is given for at most 100 origins, and the last one says so', () => {
    const warnings = new OriginWarnings();
    const given = Array.from({ length: 1000 }, (_, index) => warnings.about(refusal(`https://${index}.example`)));

    expect(given.filter((warning) => warning !== undefined)).toHaveLength(100);
    expect(given.filter((warning) => warning?.endsWith(' Further origins are not logged.'))).toEqual([given[99]]);
  });
});
