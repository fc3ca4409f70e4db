import { describe, expect, test } from '@jest/globals';
import { refusalOf } from '../../../../test/support/refusals.js';
import { TestClock } from '../../../../test/support/clock.js';
import { Events, type RefreshAuthEvent } from '../sessions/events.js';
import { CrossSiteCheck } from './cross-site.js';

const TRUSTED = 'https://trusted.example';

const trusting = { trustedOrigins: new Set([TRUSTED]) };
const check = new CrossSiteCheck(trusting, new Events(new TestClock()));

function request(method: string, headers: Record<string, string | undefined>) {
  return { method, headers: { host: 'example.com', ...headers } };
}

function refused(header: string) {
  return {
    code: 'request_cross_site',
    statusCode: 403,
    message: 'The request came from another site',
    detail: `by its header ${header}`,
  };
}

const OWN: [name: string, headers: Record<string, string>][] = [
  ['same-origin', { 'sec-fetch-site': 'same-origin' }],
  ['same-origin, whatever the Origin', { 'sec-fetch-site': 'same-origin', origin: 'https://attacker.example' }],
  ['none: typed, or a bookmark', { 'sec-fetch-site': 'none' }],
  ['neither header', {}],
  ['an empty Sec-Fetch-Site and no Origin', { 'sec-fetch-site': '' }],
  ['an empty Origin', { origin: '' }],
  ['an Origin that is the Host', { origin: 'https://example.com' }],
  ['an Origin that is the Host, of another scheme', { origin: 'http://example.com' }],
  ['an Origin that is the Host, of the scheme of an app', { origin: 'app2://example.com' }],
  ['an empty Sec-Fetch-Site, and an Origin that is the Host', { 'sec-fetch-site': '', origin: 'https://example.com' }],
  ['an Origin that is the Host, with its port', { host: 'localhost:3000', origin: 'http://localhost:3000' }],
  ['an Origin that is the authority of HTTP/2', { host: '', ':authority': 'h2.example', origin: 'https://h2.example' }],
  ['a trusted Origin', { origin: TRUSTED }],
  ['a trusted Origin, cross-site', { 'sec-fetch-site': 'cross-site', origin: TRUSTED }],
  ['a trusted Origin, same-site', { 'sec-fetch-site': 'same-site', origin: TRUSTED }],
];

const FOREIGN: [name: string, header: string, headers: Record<string, string | undefined>][] = [
  ['cross-site', 'Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site' }],
  ['same-site', 'Sec-Fetch-Site', { 'sec-fetch-site': 'same-site' }],
  ['an unknown Sec-Fetch-Site', 'Sec-Fetch-Site', { 'sec-fetch-site': 'whatever' }],
  ['Sec-Fetch-Site twice', 'Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin, cross-site' }],
  [
    'same-site, although Origin is the Host',
    'Sec-Fetch-Site',
    { 'sec-fetch-site': 'same-site', origin: 'https://example.com' },
  ],
  ['another Origin', 'Origin', { origin: 'https://attacker.example' }],
  ['the Origin null', 'Origin', { origin: 'null' }],
  ['the Origin null and no Host', 'Origin', { host: undefined, origin: 'null' }],
  ['another port', 'Origin', { origin: 'https://example.com:8443' }],
  ['a subdomain', 'Origin', { origin: 'https://www.example.com' }],
  ['an Origin that only ends alike', 'Origin', { origin: 'https://notexample.com' }],
  ['an Origin that is no URL', 'Origin', { origin: 'example.com' }],
  ['an Origin in which ours stands further behind', 'Origin', { origin: '?https://example.com' }],
  ['a trusted host by another scheme', 'Origin', { origin: 'http://trusted.example' }],
  ['a subdomain of a trusted host', 'Origin', { origin: 'https://www.trusted.example' }],
  ['a trusted Origin and another one', 'Origin', { origin: `${TRUSTED}, https://attacker.example` }],
];

const SAFE = ['GET', 'HEAD', 'OPTIONS'];
const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE', 'CONNECT', 'get'];

describe('[C1] [C2] a request of this origin, or a trusted one', () => {
  test.each(OWN)('%s passes with every method, and renews', (_, headers) => {
    expect([...SAFE, ...UNSAFE].filter((method) => !check.admit(request(method, headers)))).toEqual([]);
    expect(() => check.refuseForeign(request('POST', headers))).not.toThrow();
    expect(check.isForeign(request('POST', headers))).toBe(false);
  });
});

describe('[C1] [C2] a request of another origin', () => {
  test.each(FOREIGN)('%s is refused with an unsafe method', (_, header, headers) => {
    for (const method of UNSAFE) {
      expect(refusalOf(() => check.admit(request(method, headers)))).toEqual(refused(header));
    }
  });

  test.each(FOREIGN)('[C4] %s passes with a safe method, and renews nothing', (_, _header, headers) => {
    expect(SAFE.filter((method) => check.admit(request(method, headers)))).toEqual([]);
  });

  test.each(FOREIGN)('[C5] %s may not ask for what changes something, by any method', (_, header, headers) => {
    for (const method of [...SAFE, ...UNSAFE]) {
      expect(refusalOf(() => check.refuseForeign(request(method, headers)))).toEqual(refused(header));
      expect(check.isForeign(request(method, headers))).toBe(true);
    }
  });

  test('is reported', () => {
    const events = new Events(new TestClock());
    const reported: RefreshAuthEvent[] = [];
    events.observable.subscribe((event) => reported.push(event));

    refusalOf(() => new CrossSiteCheck(trusting, events).admit(request('POST', { origin: 'null' })));

    expect(reported).toEqual([
      { type: 'token-refused', at: expect.any(Number), code: 'request_cross_site', detail: 'by its header Origin' },
    ]);
  });

  test('is like any other where the check is off', () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://attacker.example' };
    const off = new CrossSiteCheck(undefined, new Events(new TestClock()));

    expect([off.admit(request('POST', headers)), off.isForeign(request('POST', headers))]).toEqual([true, false]);
    expect(() => off.refuseForeign(request('POST', headers))).not.toThrow();
  });
});

describe('[C4] a link that the user followed', () => {
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

  test('renews, and is the doing of the user', () => {
    expect([check.admit(request('GET', link)), check.isForeign(request('GET', link))]).toEqual([true, false]);
  });

  test.each([
    ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ['an object', { 'sec-fetch-dest': 'object' }],
    ['a picture', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a script that asks', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['a script that says it is a document', { 'sec-fetch-mode': 'cors' }],
  ])('is not %s', (_, headers) => {
    expect(check.admit(request('GET', { ...link, ...headers }))).toBe(false);
  });

  test.each(['POST', 'PUT'])('is not a form that is sent by %s', (method) => {
    expect(refusalOf(() => check.admit(request(method, link)))).toEqual(refused('Sec-Fetch-Site'));
    expect(check.isForeign(request(method, link))).toBe(true);
  });
});

describe('a WebSocket', () => {
  test.each([
    ['websocket', { 'sec-fetch-site': 'cross-site' }],
    ['WebSocket', { origin: 'https://attacker.example' }],
    ['h2c, websocket', { origin: 'null' }],
  ])('is refused to another origin: Upgrade: %s', (upgrade, headers: Record<string, string>) => {
    expect(refusalOf(() => check.admit(request('GET', { upgrade, ...headers })))).toMatchObject({ statusCode: 403 });
  });

  test.each([
    ['of this origin', { upgrade: 'websocket', origin: 'https://example.com' }],
    ['of a trusted one', { upgrade: 'websocket', 'sec-fetch-site': 'cross-site', origin: TRUSTED }],
    ['of no browser', { upgrade: 'websocket' }],
  ])('%s is opened', (_, headers: Record<string, string>) => {
    expect(check.admit(request('GET', headers))).toBe(true);
  });

  test('is no other upgrade', () => {
    expect(check.admit(request('GET', { upgrade: 'h2c', origin: 'https://attacker.example' }))).toBe(false);
  });
});
