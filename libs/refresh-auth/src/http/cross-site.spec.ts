import { describe, expect, test } from '@jest/globals';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { refusalOf } from '../../../../test/support/refusals.js';
import { TestClock } from '../../../../test/support/clock.js';
import { Events, type RefreshAuthEvent } from '../events/events.js';
import { CrossSiteCheck } from './cross-site.js';
import type { RawRequest } from './http-message.js';

const TRUSTED = 'https://trusted.example';

const trusting = { trustedOrigins: new Set([TRUSTED]) };
const check = new CrossSiteCheck(trusting, new Events(new TestClock()));

type Headers = Record<string, string | string[] | undefined>;

/** Makes a request as Node.js does: each value of an array becomes a line, and `undefined` leaves the header out. */
function request(method: string, headers: Headers): RawRequest {
  const rawHeaders = Object.entries({ host: 'example.com', ...headers }).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((line) => [name, line]),
  );
  return { method, headers: {}, rawHeaders };
}

function refused(detail: string) {
  return { code: 'request_cross_site', statusCode: 403, message: 'The request came from another origin', detail };
}

const OWN: [name: string, headers: Headers][] = [
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
  [
    'an Origin that is the authority of HTTP/2',
    { host: undefined, ':authority': 'h2.example', origin: 'https://h2.example' },
  ],
  ['an Origin that stands there twice, and is the Host', { origin: ['https://example.com', 'https://example.com'] }],
  ['a trusted Origin', { origin: TRUSTED }],
  ['a trusted Origin, cross-site', { 'sec-fetch-site': 'cross-site', origin: TRUSTED }],
  ['a trusted Origin, same-site', { 'sec-fetch-site': 'same-site', origin: TRUSTED }],
  ['a Bearer header, whatever the origin', { authorization: 'Bearer x', origin: 'https://attacker.example' }],
  ['a bearer header in lower case', { authorization: 'bearer', 'sec-fetch-site': 'cross-site' }],
];

const FOREIGN: [name: string, detail: string, headers: Headers][] = [
  ['cross-site', 'by its header Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site' }],
  ['same-site', 'by its header Sec-Fetch-Site', { 'sec-fetch-site': 'same-site' }],
  ['an unknown Sec-Fetch-Site', 'by its header Sec-Fetch-Site', { 'sec-fetch-site': 'whatever' }],
  ['Sec-Fetch-Site twice in one line', 'by its header Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin, cross-site' }],
  [
    'same-site, although Origin is the Host',
    'by its header Sec-Fetch-Site',
    { 'sec-fetch-site': 'same-site', origin: 'https://example.com' },
  ],
  ['another Origin', 'by its header Origin', { origin: 'https://attacker.example' }],
  ['the Origin null', 'by its header Origin', { origin: 'null' }],
  ['the Origin null and no Host', 'by its header Origin', { host: undefined, origin: 'null' }],
  ['another port', 'by its header Origin', { origin: 'https://example.com:8443' }],
  ['a subdomain', 'by its header Origin', { origin: 'https://www.example.com' }],
  ['an Origin that only ends alike', 'by its header Origin', { origin: 'https://notexample.com' }],
  ['an Origin that is no URL', 'by its header Origin', { origin: 'example.com' }],
  ['an Origin in which ours stands further behind', 'by its header Origin', { origin: '?https://example.com' }],
  ['a trusted host by another scheme', 'by its header Origin', { origin: 'http://trusted.example' }],
  ['a subdomain of a trusted host', 'by its header Origin', { origin: 'https://www.trusted.example' }],
  [
    'a trusted Origin and another one in one line',
    'by its header Origin',
    { origin: `${TRUSTED}, https://attacker.example` },
  ],
  ['another scheme than Bearer', 'by its header Origin', { authorization: 'Bearers x', origin: 'null' }],
  ['another scheme before Bearer', 'by its header Origin', { authorization: 'Basic bearer x', origin: 'null' }],
  ...['https://attacker.example', ''].flatMap((other): [string, string, Headers][] => [
    [`a trusted Origin and '${other}'`, 'by different values of its header origin', { origin: [TRUSTED, other] }],
    [`'${other}' and a trusted Origin`, 'by different values of its header origin', { origin: [other, TRUSTED] }],
  ]),
  ...[
    ['same-origin', 'cross-site'],
    ['cross-site', 'same-origin'],
    ['none', 'same-origin'],
    ['', 'same-origin'],
  ].map((sites): [string, string, Headers] => [
    `Sec-Fetch-Site ${sites.join(' and ')}`,
    'by different values of its header sec-fetch-site',
    { 'sec-fetch-site': sites, origin: 'https://example.com' },
  ]),
  ...[
    ['example.com', 'attacker.example'],
    ['attacker.example', 'example.com'],
  ].flatMap((hosts): [string, string, Headers][] => [
    [
      `Hosts ${hosts.join(' and ')}`,
      'by different values of its header host',
      { host: hosts, origin: 'https://example.com' },
    ],
    [
      `authorities ${hosts.join(' and ')}`,
      'by different values of its header :authority',
      { ':authority': hosts, origin: 'https://example.com' },
    ],
  ]),
];

const SAFE = ['GET', 'HEAD', 'OPTIONS'];
const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE', 'CONNECT', 'get'];

describe('[C1] [C2] a request of this origin, or a trusted one', () => {
  test.each(OWN)('%s passes with every method, and refreshes', (_, headers) => {
    expect([...SAFE, ...UNSAFE].filter((method) => check.admit(request(method, headers)))).toEqual([]);
    expect(() => check.refuseForeign(request('POST', headers))).not.toThrow();
    expect(check.isForeign(request('POST', headers))).toBe(false);
  });
});

describe('[C1] [C2] a request of another origin', () => {
  test.each(FOREIGN)('%s is refused with an unsafe method', (_, detail, headers) => {
    for (const method of UNSAFE) {
      expect(refusalOf(() => check.admit(request(method, headers)))).toEqual(refused(detail));
    }
  });

  test.each(FOREIGN)('[C4] %s passes with a safe method, and refreshes nothing', (_, _detail, headers) => {
    expect(SAFE.filter((method) => !check.admit(request(method, headers)))).toEqual([]);
  });

  test.each(FOREIGN)('[C5] %s is refused by refuseForeign with every method', (_, detail, headers) => {
    for (const method of [...SAFE, ...UNSAFE]) {
      expect(refusalOf(() => check.refuseForeign(request(method, headers)))).toEqual(refused(detail));
      expect(check.isForeign(request(method, headers))).toBe(true);
    }
  });

  test('emits an event', () => {
    const events = new Events(new TestClock());
    const reported: RefreshAuthEvent[] = [];
    events.observable.subscribe((event) => reported.push(event));

    refusalOf(() => new CrossSiteCheck(trusting, events).admit(request('POST', { origin: 'null' })));

    expect(reported).toEqual([
      {
        type: 'token-rejected',
        at: expect.any(Number),
        code: 'request_cross_site',
        detail: 'by its header Origin',
        origin: 'null',
      },
    ]);
  });

  test('emits an event without its name if the headers of the client are not known', () => {
    const events = new Events(new TestClock());
    const reported: RefreshAuthEvent[] = [];
    events.observable.subscribe((event) => reported.push(event));

    refusalOf(() => new CrossSiteCheck(trusting, events).admit({ method: 'POST', headers: {} }));

    expect(reported).toEqual([expect.objectContaining({ code: 'request_cross_site', origin: 'null' })]);
  });

  test('is accepted if the check is switched off', () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://attacker.example' };
    const off = new CrossSiteCheck(undefined, new Events(new TestClock()));

    expect([off.admit(request('POST', headers)), off.isForeign(request('POST', headers))]).toEqual([undefined, false]);
    expect(() => off.refuseForeign(request('POST', headers))).not.toThrow();
  });
});

describe('[C4] a link that the user followed', () => {
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

  test('refreshes, and is not foreign', () => {
    expect([check.admit(request('GET', link)), check.isForeign(request('GET', link))]).toEqual([undefined, false]);
  });

  test.each([
    ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ['an object', { 'sec-fetch-dest': 'object' }],
    ['a picture', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a script that asks', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['a script that says it is a document', { 'sec-fetch-mode': 'cors' }],
  ])('is not %s', (_, headers) => {
    expect(check.admit(request('GET', { ...link, ...headers }))).toMatchObject({ origin: 'null' });
  });

  test.each(['sec-fetch-mode', 'sec-fetch-dest'] as const)('is not a request with several values of %s', (name) => {
    expect(check.admit(request('GET', { ...link, [name]: [link[name], 'other'] }))).toBeDefined();
  });

  test('is not a HEAD request', () => {
    expect(check.admit(request('HEAD', link))).toBeDefined();
    expect(check.isForeign(request('HEAD', link))).toBe(true);
  });

  test.each(['POST', 'PUT'])('is not a form sent by %s', (method) => {
    expect(refusalOf(() => check.admit(request(method, link)))).toEqual(refused('by its header Sec-Fetch-Site'));
    expect(check.isForeign(request(method, link))).toBe(true);
  });
});

describe('a WebSocket', () => {
  test.each([
    ['websocket', { 'sec-fetch-site': 'cross-site' }],
    ['WebSocket', { origin: 'https://attacker.example' }],
    ['h2c, websocket', { origin: 'null' }],
    [['h2c', 'websocket'], { origin: 'null' }],
  ])('of another origin is refused: Upgrade: %s', (upgrade, headers: Record<string, string>) => {
    expect(refusalOf(() => check.admit(request('GET', { upgrade, ...headers })))).toMatchObject({ statusCode: 403 });
  });

  test.each([
    ['of this origin', { upgrade: 'websocket', origin: 'https://example.com' }],
    ['of a trusted one', { upgrade: 'websocket', 'sec-fetch-site': 'cross-site', origin: TRUSTED }],
    ['of no browser', { upgrade: 'websocket' }],
  ])('of %s is opened', (_, headers: Record<string, string>) => {
    expect(check.admit(request('GET', headers))).toBeUndefined();
  });

  test('is not confused with another upgrade', () => {
    expect(check.admit(request('GET', { upgrade: 'h2c', origin: 'https://attacker.example' }))).toBeDefined();
  });
});

describe('[F2] headers that other code has added to a request', () => {
  const foreign = { origin: 'https://attacker.example' };
  const own = { 'sec-fetch-site': 'same-origin', origin: 'https://example.com', authorization: 'Bearer x' };

  test('do not make it one of this origin', () => {
    const written = { ...request('POST', foreign), headers: own };

    expect(refusalOf(() => check.admit(written))).toEqual(refused('by its header Origin'));
    expect(refusalOf(() => check.refuseForeign(written))).toEqual(refused('by its header Origin'));
    expect(check.isForeign(written)).toBe(true);
  });

  test('do not make it one of another origin', () => {
    expect(check.admit({ ...request('POST', {}), headers: foreign })).toBeUndefined();
  });

  test.each([
    ['a plain object', { method: 'GET', headers: own }],
    ['one with an empty list', { method: 'GET', headers: own, rawHeaders: [] }],
    ['nothing', {}],
  ])('are ignored if the headers of the client are not known: %s', (_, raw) => {
    const unknown = raw as RawRequest;
    const detail = 'the headers that the client sent are not known';

    expect(refusalOf(() => check.admit(unknown))).toEqual(refused(detail));
    expect(refusalOf(() => check.refuseForeign(unknown))).toEqual(refused(detail));
    expect(check.isForeign(unknown)).toBe(true);
  });

  test('are read from a Node.js request that has no list, as serverless-http creates it', () => {
    const without = (headers: object) =>
      Object.assign(new IncomingMessage(new Socket()), {
        method: 'POST',
        headers: { host: 'example.com', ...headers },
      });

    expect(check.admit(without({ origin: 'https://example.com' }))).toBeUndefined();
    expect(refusalOf(() => check.admit(without(foreign)))).toEqual(refused('by its header Origin'));
  });
});

describe('a method that other code has set', () => {
  const headers = { origin: 'https://attacker.example' };

  test.each([
    ['GET for POST, by method-override', { method: 'GET', originalMethod: 'POST' }, {}],
    ['POST for GET, by method-override', { method: 'POST', originalMethod: 'GET' }, {}],
    ['GET for POST, over HTTP/2', { method: 'GET' }, { ':method': 'POST' }],
    ['POST for GET, over HTTP/2', { method: 'POST' }, { ':method': 'GET' }],
    ['none', { method: undefined }, {}],
  ])('does not make an unsafe request safe: %s', (_, written, pseudo) => {
    const raw = { ...request('GET', { ...pseudo, ...headers }), ...written };

    expect(refusalOf(() => check.admit(raw))).toEqual(refused('by its header Origin'));
  });

  test.each([
    ['HTTP/1', {}, {}],
    ['HTTP/2', {}, { ':method': 'GET' }],
    ['method-override, which has nothing to do', { originalMethod: 'GET' }, {}],
  ])('does not make a safe request unsafe: %s', (_, written, pseudo) => {
    expect(check.admit({ ...request('GET', { ...pseudo, ...headers }), ...written })).toBeDefined();
  });
});

describe('[F60] the Referer of a page, for pictures, videos and frames', () => {
  const picture = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };

  test.each([`${TRUSTED}/`, `${TRUSTED}/page?query`, TRUSTED])('lets them refresh: %s', (referer) => {
    expect(SAFE.filter((method) => check.admit(request(method, { ...picture, referer })))).toEqual([]);
  });

  test('lets them refresh beside an empty Origin', () => {
    expect(check.admit(request('GET', { ...picture, origin: '', referer: TRUSTED }))).toBeUndefined();
  });

  test.each<[string, Headers]>([
    ['of another site', { referer: 'https://attacker.example/' }],
    ['of another scheme', { referer: 'http://trusted.example/' }],
    ['of another port', { referer: `${TRUSTED}:8443/` }],
    ['of a subdomain', { referer: 'https://www.trusted.example/' }],
    ['with a trusted origin further behind', { referer: `https://attacker.example/${TRUSTED}` }],
    ['with a trusted origin for a user', { referer: 'https://trusted.example@attacker.example/' }],
    ['with a user', { referer: 'https://user@trusted.example/' }],
    ['with a password', { referer: 'https://:password@trusted.example/' }],
    ['that is no URL', { referer: 'trusted.example' }],
    ['null', { referer: 'null' }],
    ['about:client', { referer: 'about:client' }],
    ['without text', { referer: '' }],
    ['of several pages', { referer: [`${TRUSTED}/`, 'https://attacker.example/'] }],
    ['of a trusted page, beside another Origin', { referer: TRUSTED, origin: 'https://attacker.example' }],
    ['of a trusted page, beside the Origin null', { referer: TRUSTED, origin: 'null' }],
    ['of a trusted page, beside several', { referer: TRUSTED, origin: ['', 'https://attacker.example'] }],
  ])('does not let them refresh %s', (_, headers) => {
    expect(check.admit(request('GET', { ...picture, ...headers }))).toBeDefined();
  });

  test.each(UNSAFE)('does not let a %s request pass', (method) => {
    const headers = { ...picture, referer: `${TRUSTED}/` };

    expect(refusalOf(() => check.admit(request(method, headers)))).toEqual(refused('by its header Sec-Fetch-Site'));
  });

  test('opens no WebSocket, and does not pass refuseForeign', () => {
    const headers = { ...picture, referer: `${TRUSTED}/` };

    expect(refusalOf(() => check.admit(request('GET', { ...headers, upgrade: 'websocket' })))).toMatchObject({
      statusCode: 403,
    });
    expect(refusalOf(() => check.refuseForeign(request('GET', headers)))).toMatchObject({ statusCode: 403 });
    expect(check.isForeign(request('GET', headers))).toBe(true);
  });
});

describe('[F62] the origin in events and logs', () => {
  test.each<[string, Headers, string]>([
    ['Origin', { origin: 'https://app.example.com:8443' }, 'https://app.example.com:8443'],
    ['the Origin of an app', { origin: 'capacitor://localhost' }, 'capacitor://localhost'],
    ['Origin before Referer', { origin: 'https://a.example', referer: 'https://b.example/' }, 'https://a.example'],
    ['that of the Referer', { 'sec-fetch-site': 'same-site', referer: 'https://b.example/page' }, 'https://b.example'],
    ['null', { origin: 'null' }, 'null'],
    ['null, where there is neither', { 'sec-fetch-site': 'cross-site' }, 'null'],
    ['null, where there are several', { origin: ['https://a.example', 'https://b.example'] }, 'null'],
    ['null, where it is no URL', { origin: 'a line\r\nand another' }, 'null'],
    ['null, where it is too long', { origin: `https://${'a'.repeat(300)}.example` }, 'null'],
    ['[G4] only ASCII that can be seen', { origin: 'https://\u001b[31m.example' }, 'null'],
    ['[G4] not what stands behind it', { origin: 'https://a.example/\u001b[31m\r\nERROR' }, 'https://a.example'],
    ['[G4] what is odd in an app’s, encoded', { origin: 'app://\u0007\u00e4' }, 'app://%07%C3%A4'],
  ])('is %s', (_, headers, origin) => {
    expect(check.admit(request('GET', headers))).toMatchObject({ origin });
  });
});
