import { describe, expect, test } from '@jest/globals';
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { TestClock } from '../../../../test/support/clock.js';
import { secret } from '../../../../test/support/key-material.js';
import { RefreshAuthCore } from '../refresh-auth.core.js';
import { type RefreshAuthOptions, resolveOptions } from '../options/refresh-auth-options.js';
import { sessionName } from '../tokens/session-id.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import { checkOwnClaims, type IssuedToken } from '../tokens/claims.js';
import { forbidCaching } from './delivery.js';

const DAY = 86_400;
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Lax';

function setUp(options: RefreshAuthOptions = {}) {
  const clock = new TestClock();
  const core = new RefreshAuthCore(resolveOptions({ secret, ...options }), new InMemorySessionStore(clock), clock);
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  /** Sends the headers and returns them. */
  const sent = (handlers: OutgoingHttpHeaders = {}) => {
    response.writeHead(200, handlers);
    return { ...response.getHeaders() };
  };
  return { clock, core, delivery: core.delivery, response, sent, issued: core.signer.first({ sub: '1' }, 0) };
}

/** Issues a first token whose cookie, name and value together, has at least this many bytes. */
function issuedWithCookieOf(core: RefreshAuthCore, bytes: number) {
  for (let letters = 0; ; letters++) {
    const issued = core.signer.first(checkOwnClaims({ sub: '1', long: 'x'.repeat(letters) }), 0);
    if ('__Host-authorization'.length + issued.token.length >= bytes) return issued;
  }
}

describe('a token that is due', () => {
  test('is sent in header and cookie, is exposed to scripts, and is never cached', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);

    expect(sent()).toEqual({
      authorization: `Bearer ${issued.token}`,
      'access-control-expose-headers': 'Authorization',
      'set-cookie': [`__Host-authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
      'cache-control': 'private, no-store',
    });
  });

  test('[D8] is sent only in the cookie if the header is off', () => {
    const { delivery, response, sent, issued } = setUp({ delivery: { header: false } });
    delivery.deliver(response, issued);

    expect(sent()).toEqual({
      'set-cookie': [`__Host-authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
      'cache-control': 'private, no-store',
    });
  });

  test('is sent only in a header of another name', () => {
    const { delivery, response, sent, issued } = setUp({
      delivery: { cookie: false, header: { name: 'X-Token', scheme: '' } },
    });
    delivery.deliver(response, issued);

    expect(sent()).toEqual({
      'x-token': issued.token,
      'access-control-expose-headers': 'X-Token',
      'cache-control': 'private, no-store',
    });
  });

  test('has a cookie with the attributes of the options', () => {
    const { delivery, response, sent, issued } = setUp({
      delivery: {
        header: false,
        cookie: {
          name: 't',
          domain: 'example.com',
          path: '/app',
          httpOnly: false,
          sameSite: 'none',
          partitioned: true,
        },
      },
    });
    delivery.deliver(response, issued);

    expect(sent()['set-cookie']).toEqual([
      `t=${issued.token}; Max-Age=604800; Domain=example.com; Path=/app; Secure; Partitioned; SameSite=None`,
    ]);
  });

  test('[D5] [D3] keeps the headers of the handler, except those for caches', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    response.setHeader('Set-Cookie', 'theme=dark');
    response.setHeader('Access-Control-Expose-Headers', 'X-Total');

    expect(sent({ 'Cache-Control': 'public, max-age=600', ETag: '"1"' })).toEqual({
      authorization: `Bearer ${issued.token}`,
      'access-control-expose-headers': 'X-Total, Authorization',
      'set-cookie': ['theme=dark', `__Host-authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
      'cache-control': 'private, no-store',
      etag: '"1"',
    });
  });

  test('replaces an earlier one: a response carries at most one token', () => {
    const { core, delivery, response, sent, issued } = setUp();
    const signedIn = core.signer.first({ sub: '2' }, 0);
    delivery.deliver(response, issued);
    delivery.deliver(response, signedIn);

    expect(sent()).toMatchObject({
      authorization: `Bearer ${signedIn.token}`,
      'set-cookie': [expect.stringContaining(`__Host-authorization=${signedIn.token};`)],
    });
  });

  test('is shown to the handler in the header', () => {
    const { delivery, response, issued } = setUp();
    delivery.deliver(response, issued);

    expect({ ...response.getHeaders() }).toEqual({ authorization: `Bearer ${issued.token}` });
  });
});

describe('a token that is offered', () => {
  test('is sent if nothing else is due, although no handler saw it', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.offer(response, issued, 'presented');

    expect({ ...response.getHeaders() }).toEqual({});
    expect(sent()).toMatchObject({
      authorization: `Bearer ${issued.token}`,
      'set-cookie': [expect.stringContaining(issued.token)],
    });
  });

  test('does not replace a token that is due', () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    delivery.offer(response, core.signer.first({ sub: '2' }, 0), 'presented');

    expect(sent()).toMatchObject({ authorization: `Bearer ${issued.token}` });
  });

  test('does not undo a sign-out', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.clear(response);
    delivery.offer(response, issued, 'presented');

    expect(sent()).toEqual({ 'set-cookie': [`__Host-authorization=; Max-Age=0; ${ATTRIBUTES}`] });
  });
});

test('a token is not delivered after the client has disconnected or the headers were sent', () => {
  const [gone, late] = [setUp(), setUp()];
  gone.response.destroy();
  late.response.writeHead(200);

  for (const { delivery, response, issued } of [gone, late]) delivery.deliver(response, issued);

  expect({ ...late.response.getHeaders() }).toEqual({});
  expect(gone.sent()).toEqual({});
});

test('[D11] an older generation is not delivered while a newer one of its session is in progress', () => {
  const { core, delivery, response, sent, issued } = setUp();
  const faster = new ServerResponse(new IncomingMessage(new Socket()));
  delivery.deliver(response, issued);
  delivery.deliver(faster, core.signer.successor(issued.claims));

  expect(sent()).toEqual({});
});

test('[D3] a response for which nothing is due is not changed', () => {
  const { delivery, response, sent } = setUp();
  response
    .setHeader('Cache-Control', 'public')
    .setHeader('Set-Cookie', 'a=b')
    .setHeader('Authorization', 'Bearer other');
  delivery.write(response);

  expect(sent()).toEqual({ 'cache-control': 'public', 'set-cookie': 'a=b', authorization: 'Bearer other' });
});

describe('the last check, when the headers are sent', () => {
  test('[L3] delivers nothing once the session was revoked', async () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    await core.revocations.revokeSession(issued.claims.sid);

    expect(sent({ 'Cache-Control': 'public' })).toEqual({ 'cache-control': 'public' });
    expect(response.statusCode).toBe(200);
  });

  test('[F27] delivers a token that has expired meanwhile, as long as it can be refreshed', () => {
    const { clock, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    clock.advance(DAY * 7000 - 1);

    expect(sent()).toMatchObject({
      authorization: `Bearer ${issued.token}`,
      'set-cookie': [expect.stringContaining(`authorization=${issued.token}; Max-Age=0;`)],
    });
  });

  test('[F27] delivers nothing that can no longer be refreshed', () => {
    const { clock, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    clock.advance(DAY * 7000);

    expect(sent()).toEqual({});
  });

  test('[F28] turns a successful sign-in into 401 if its session has ended', async () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    await core.revocations.revokeUser('1');

    expect(sent()).toEqual({
      'www-authenticate':
        'Bearer realm="refresh-auth", error="invalid_token", error_description="The session was revoked"',
    });
    expect(response.statusCode).toBe(401);
  });

  test.each([303, 500])(
    '[F28] keeps status %i of a sign-in whose session has ended, without the token',
    async (status) => {
      const { core, delivery, response, issued } = setUp();
      delivery.deliver(response, issued);
      await core.revocations.revokeUser('1');
      response.writeHead(status);

      expect([response.statusCode, { ...response.getHeaders() }]).toEqual([status, {}]);
    },
  );
});

describe('[D11] under reuse detection, a response that is later than the grace', () => {
  const DETECTION = { expiresIn: '1m', refreshWindow: '1h', reuseDetection: { grace: '30s' } } as const;

  /** Sends the response to a request with an expired token, delayed by this many seconds. */
  function late(seconds: number, options: RefreshAuthOptions) {
    const { clock, core, delivery, response, sent, issued } = setUp(options);
    clock.advance(60_000);
    const successor = core.signer.successor(issued.claims);
    delivery.deliver(response, successor, issued.token);
    clock.advance(seconds * 1000);
    return { token: successor.token, headers: sent() };
  }

  test('delivers nothing, since the client can still refresh the token that it presented', () => {
    expect(late(31, DETECTION).headers).toEqual({});
  });

  test('is measured on the monotonic clock: setting the wall clock forward does not withhold a token', () => {
    const { clock, core, delivery, response, sent, issued } = setUp(DETECTION);
    clock.advance(60_000);
    const successor = core.signer.successor(issued.claims);
    delivery.deliver(response, successor, issued.token);
    clock.step('5m');

    expect(sent()).toMatchObject({ authorization: `Bearer ${successor.token}` });
  });

  test('delivers the token if it is the only one that can still be refreshed', () => {
    const { token, headers } = late(3540, DETECTION);

    expect(headers).toMatchObject({ authorization: `Bearer ${token}` });
  });

  test('delivers nothing to a client with a token of an earlier login, which it can present again', () => {
    const { clock, delivery, response, sent, issued } = setUp({ ...DETECTION, legacy: () => undefined });
    delivery.deliver(response, issued, 'of an earlier login');
    clock.advance(31_000);

    expect(sent()).toEqual({});
  });

  test.each<[string, number, RefreshAuthOptions]>([
    ['within the grace', 30, DETECTION],
    ['without reuse detection', 31, { ...DETECTION, reuseDetection: false }],
  ])('%s the token is delivered', (_, seconds, options) => {
    const { token, headers } = late(seconds, options);

    expect(headers).toMatchObject({ authorization: `Bearer ${token}` });
  });
});

describe('what an interceptor has written', () => {
  const written = ({ token }: IssuedToken) => `__Host-authorization=${token}; Max-Age=604800; ${ATTRIBUTES}`;

  test('is visible in header and cookie, and is sent once', () => {
    const { delivery, response, sent, issued } = setUp();
    response.setHeader('Set-Cookie', 'theme=dark');
    delivery.deliver(response, issued, 'presented');
    delivery.write(response);
    delivery.write(response);

    expect({ ...response.getHeaders() }).toEqual({
      authorization: `Bearer ${issued.token}`,
      'set-cookie': ['theme=dark', written(issued)],
    });
    expect(sent()).toMatchObject({
      'set-cookie': ['theme=dark', written(issued)],
      'cache-control': 'private, no-store',
    });
  });

  test('is nothing if nothing can be delivered', async () => {
    const { core, delivery, response, issued } = setUp();
    delivery.offer(response, issued, 'presented');
    await core.revocations.revokeSession(issued.claims.sid);
    delivery.write(response);

    expect({ ...response.getHeaders() }).toEqual({});
  });

  test('[L3] is withdrawn if the session has ended since', async () => {
    const { core, delivery, response, sent, issued } = setUp();
    response.setHeader('Set-Cookie', 'theme=dark');
    delivery.deliver(response, issued, 'presented');
    delivery.write(response);
    await core.revocations.revokeSession(issued.claims.sid);

    expect(sent()).toEqual({ 'set-cookie': ['theme=dark'] });
  });

  test('[L3] leaves no empty list of cookies behind', async () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    delivery.write(response);
    await core.revocations.revokeSession(issued.claims.sid);

    expect(sent()).toEqual({});
  });

  test.each<[string, (response: ServerResponse) => unknown]>([
    ['replaced', (response) => response.setHeader('Authorization', 'Basic x').setHeader('Set-Cookie', 'theme=dark')],
    ['removed', (response) => [response.removeHeader('Authorization'), response.setHeader('Set-Cookie', 'theme=dark')]],
  ])('is restored if other code has %s it', (_, tamper) => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    delivery.write(response);
    tamper(response);

    expect(sent()).toMatchObject({
      authorization: `Bearer ${issued.token}`,
      'set-cookie': ['theme=dark', written(issued)],
    });
  });

  test('is replaced by a later sign-in or sign-out', () => {
    const [signingIn, signingOut] = [setUp(), setUp()];
    for (const { delivery, response, issued } of [signingIn, signingOut]) {
      delivery.deliver(response, issued, 'presented');
      delivery.write(response);
    }
    const other = signingIn.core.signer.first({ sub: '2' }, 0);
    signingIn.delivery.deliver(signingIn.response, other);
    signingOut.delivery.clear(signingOut.response);

    expect(signingIn.sent()).toMatchObject({ authorization: `Bearer ${other.token}`, 'set-cookie': [written(other)] });
    expect(signingOut.sent()).toEqual({ 'set-cookie': [`__Host-authorization=; Max-Age=0; ${ATTRIBUTES}`] });
  });
});

describe('[F36] a response that was sent is not kept in memory', () => {
  test('on a host whose responses never emit close', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    expect(delivery.sessionsUnderway).toBe(1);
    sent();

    expect(delivery.sessionsUnderway).toBe(0);
  });

  test('after its client has disconnected, or after its token was replaced', () => {
    const { core, delivery, response, issued } = setUp();
    const other = new ServerResponse(new IncomingMessage(new Socket()));
    delivery.deliver(response, issued, 'presented');
    delivery.deliver(response, core.signer.first({ sub: '2' }, 0));
    delivery.deliver(other, issued, 'presented');
    expect(delivery.sessionsUnderway).toBe(2);

    delivery.clear(response);
    other.emit('close');
    expect(delivery.sessionsUnderway).toBe(0);
  });
});

describe('[D7] Max-Age', () => {
  test.each([
    ['the refresh window', {}, 0, 7 * DAY],
    ['what is left of it', {}, 60_000, 7 * DAY - 60],
    ['what is left of it, rounded down', {}, 1, 7 * DAY - 1],
    ['the end of the session', { refreshWindow: '1h', sessionLifetime: '1h' }, 0, 3600],
    ['400 days at most', { refreshWindow: '2y', sessionLifetime: false }, 0, 400 * DAY],
  ] as const)('is %s', (_, options, late, maxAge) => {
    const { clock, delivery, response, sent, issued } = setUp(options);
    delivery.deliver(response, issued);
    clock.advance(late);

    expect(sent()['set-cookie']).toEqual([`__Host-authorization=${issued.token}; Max-Age=${maxAge}; ${ATTRIBUTES}`]);
  });
});

describe('[D7] a token that is too large for a cookie', () => {
  test('is refused at sign-in, with its size', () => {
    const { core, delivery } = setUp();
    const issued = issuedWithCookieOf(core, 4081);
    const size = '__Host-authorization'.length + issued.token.length;

    expect(() => delivery.checkSize(issued)).toThrow(
      new RangeError(
        `The token makes a cookie of ${size} bytes, more than the limit of 4080. Browsers keep at most 4096, and tokens grow by a few bytes when they are refreshed. Sign fewer claims, or set delivery.cookie to false`,
      ),
    );
  });

  test('has a cookie of more than 4,096 bytes', () => {
    const { core, delivery, response, sent } = setUp();
    const issued = issuedWithCookieOf(core, 4095);
    const events: unknown[] = [];
    core.events.observable.subscribe((event) => events.push(event));
    delivery.deliver(response, issued);

    expect('__Host-authorization'.length + issued.token.length).toBeLessThanOrEqual(4096);
    expect(sent()['set-cookie']).toEqual([expect.stringContaining(issued.token)]);
    expect(events).toEqual([]);
  });

  test('is sent only in the header at a refresh, and an event gives its size', () => {
    const { clock, core, delivery, response, sent } = setUp();
    const issued = issuedWithCookieOf(core, 4097);
    const events: unknown[] = [];
    core.events.observable.subscribe((event) => events.push(event));
    delivery.deliver(response, issued);

    expect(sent()).toEqual({
      authorization: `Bearer ${issued.token}`,
      'access-control-expose-headers': 'Authorization',
      'cache-control': 'private, no-store',
    });
    const { sid, gen } = issued.claims;
    expect(events).toEqual([
      { type: 'token-too-large', at: clock.now(), session: sessionName(sid), gen, bytes: issued.token.length },
    ]);
  });

  test('does not include one of exactly 4,080 bytes at sign-in, whose successors have at most 4,096', () => {
    const { token, claims } = setUp().issued;
    const { core, delivery } = setUp({ delivery: { cookie: { name: 'n'.repeat(4080 - token.length) } } });

    expect(() => delivery.checkSize({ token, claims })).not.toThrow();
    expect(core.settings.delivery.cookie?.name).toHaveLength(4080 - token.length);
  });

  test('is accepted if cookies are off', () => {
    const { core, delivery, response, sent } = setUp({ delivery: { cookie: false } });
    const issued = issuedWithCookieOf(core, 5000);
    delivery.deliver(response, issued);

    expect(sent()).toMatchObject({ authorization: `Bearer ${issued.token}` });
  });
});

describe('a sign-out', () => {
  test('[L7] removes the cookie, and the token that was due is not sent', () => {
    const { delivery, response, sent, issued } = setUp({
      delivery: {
        cookie: { name: '__Secure-t', domain: 'example.com', path: '/app', sameSite: 'strict', partitioned: true },
      },
    });
    delivery.deliver(response, issued);
    delivery.clear(response);

    expect(sent()).toEqual({
      'set-cookie': [
        '__Secure-t=; Max-Age=0; Domain=example.com; Path=/app; HttpOnly; Secure; Partitioned; SameSite=Strict',
      ],
    });
  });

  test('removes nothing if cookies are off', () => {
    const { delivery, response, sent } = setUp({ delivery: { cookie: false } });
    delivery.clear(response);

    expect(sent()).toEqual({});
  });
});

/** Returns the headers of a response after caching was forbidden. */
function headersAfter(headers: Record<string, string | string[]>): object {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  forbidCaching(response);
  return { ...response.getHeaders() };
}

test.each([
  [undefined, 'private, no-store'],
  ['public, max-age=600, s-maxage=600, immutable', 'private, no-store'],
  ['private="X-A", stale-while-revalidate=60', 'private, no-store'],
  ['public, no-transform', 'private, no-store, no-transform'],
  ['No-Transform', 'private, no-store, no-transform'],
  [['public', 'no-transform'], 'private, no-store, no-transform'],
  ['no-transformer', 'private, no-store'],
])('[D3] Cache-Control: %j becomes %s', (before, after) => {
  expect(headersAfter(before === undefined ? {} : { 'Cache-Control': before })).toEqual({ 'cache-control': after });
});

test.each([
  'CDN-Cache-Control',
  'cdn-cache-control',
  'Cloudflare-CDN-Cache-Control',
  'Vercel-CDN-Cache-Control',
  'Netlify-CDN-Cache-Control',
  'X-LiteSpeed-Cache-Control',
  'Surrogate-Control',
  'Edge-Control',
  'X-Accel-Expires',
])('[D3] %s, which some caches obey instead, is removed', (name) => {
  expect(headersAfter({ [name]: 'max-age=600' })).toEqual({ 'cache-control': 'private, no-store' });
});

test('[D5] forbidding caching changes no other header', () => {
  const others = {
    vary: 'Accept',
    etag: '"1"',
    expires: '0',
    'surrogate-key': 'a',
    'x-cache-control-hint': 'b',
    'x-surrogate-control': 'c',
    'surrogate-control-hint': 'd',
    age: '3',
  };

  expect(headersAfter(others)).toEqual({ ...others, 'cache-control': 'private, no-store' });
});
