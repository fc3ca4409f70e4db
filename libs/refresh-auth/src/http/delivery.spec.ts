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

const DAY = 86_400;
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Lax';

function setUp(options: RefreshAuthOptions = {}) {
  const clock = new TestClock();
  const core = new RefreshAuthCore(resolveOptions({ secret, ...options }), new InMemorySessionStore(clock), clock);
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  /** Lets the headers go out, and says which ones did. */
  const sent = (handlers: OutgoingHttpHeaders = {}) => {
    response.writeHead(200, handlers);
    return { ...response.getHeaders() };
  };
  return { clock, core, delivery: core.delivery, response, sent, issued: core.signer.first({ sub: '1' }, 0) };
}

/** A sign-in whose cookie, name and value together, has exactly so many bytes. */
function issuedWithCookieOf(core: RefreshAuthCore, bytes: number) {
  for (let letters = 0; ; letters++) {
    const issued = core.signer.first(checkOwnClaims({ sub: '1', long: 'x'.repeat(letters) }), 0);
    if ('__Host-authorization'.length + issued.token.length >= bytes) return issued;
  }
}

describe('a token that is due', () => {
  test('goes out in header and cookie, for scripts to read and for no cache to keep', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);

    expect(sent()).toEqual({
      authorization: `Bearer ${issued.token}`,
      'access-control-expose-headers': 'Authorization',
      'set-cookie': [`__Host-authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
      'cache-control': 'private, no-store',
    });
  });

  test('[D8] goes out in the cookie alone', () => {
    const { delivery, response, sent, issued } = setUp({ delivery: { header: false } });
    delivery.deliver(response, issued);

    expect(sent()).toEqual({
      'set-cookie': [`__Host-authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
      'cache-control': 'private, no-store',
    });
  });

  test('goes out in a header of another name alone', () => {
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

  test('[D5] [D3] leaves what the handler listed and set, but not what it said to caches', () => {
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

  test('is the last of several: a response carries at most one', () => {
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
  test('goes out where nothing else is due, though no handler saw it', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.offer(response, issued, 'presented');

    expect({ ...response.getHeaders() }).toEqual({});
    expect(sent()).toMatchObject({
      authorization: `Bearer ${issued.token}`,
      'set-cookie': [expect.stringContaining(issued.token)],
    });
  });

  test('takes the place of nothing that is due', () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    delivery.offer(response, core.signer.first({ sub: '2' }, 0), 'presented');

    expect(sent()).toMatchObject({ authorization: `Bearer ${issued.token}` });
  });

  test('does not bring back what a sign-out has removed', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.clear(response);
    delivery.offer(response, issued, 'presented');

    expect(sent()).toEqual({ 'set-cookie': [`__Host-authorization=; Max-Age=0; ${ATTRIBUTES}`] });
  });
});

test('a token is not delivered to who has hung up, nor after the headers', () => {
  const [gone, late] = [setUp(), setUp()];
  gone.response.destroy();
  late.response.writeHead(200);

  for (const { delivery, response, issued } of [gone, late]) delivery.deliver(response, issued);

  expect({ ...late.response.getHeaders() }).toEqual({});
  expect(gone.sent()).toEqual({});
});

test('[D11] an older generation is not delivered while a newer one of its session is under way', () => {
  const { core, delivery, response, sent, issued } = setUp();
  const faster = new ServerResponse(new IncomingMessage(new Socket()));
  delivery.deliver(response, issued);
  delivery.deliver(faster, core.signer.successor(issued.claims));

  expect(sent()).toEqual({});
});

test('[D3] where nothing is due, the response is the handler’s', () => {
  const { delivery, response, sent } = setUp();
  response
    .setHeader('Cache-Control', 'public')
    .setHeader('Set-Cookie', 'a=b')
    .setHeader('Authorization', 'Bearer other');
  delivery.write(response);

  expect(sent()).toEqual({ 'cache-control': 'public', 'set-cookie': 'a=b', authorization: 'Bearer other' });
});

describe('the last check, when the headers go out', () => {
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

  test('[F28] turns a success into 401 where the session that a sign-in started has ended', async () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    await core.revocations.revokeUser('1');

    expect(sent()).toEqual({
      'www-authenticate':
        'Bearer realm="refresh-auth", error="invalid_token", error_description="The session was revoked"',
    });
    expect(response.statusCode).toBe(401);
  });

  test.each([303, 500])('[F28] leaves an answer with status %i as it is, without the token', async (status) => {
    const { core, delivery, response, issued } = setUp();
    delivery.deliver(response, issued);
    await core.revocations.revokeUser('1');
    response.writeHead(status);

    expect([response.statusCode, { ...response.getHeaders() }]).toEqual([status, {}]);
  });
});

describe('[D11] under reuse detection, a response that is later than the grace', () => {
  const REPLAY = { expiresIn: '1m', refreshWindow: '1h', reuseDetection: { grace: '30s' } } as const;

  /** The answer to a request with an expired token that was held up for so many seconds. */
  function late(seconds: number, options: RefreshAuthOptions) {
    const { clock, core, delivery, response, sent, issued } = setUp(options);
    clock.advance(60_000);
    const successor = core.signer.successor(issued.claims);
    delivery.deliver(response, successor, issued.token);
    clock.advance(seconds * 1000);
    return { token: successor.token, headers: sent() };
  }

  test('delivers nothing, since the client can still refresh the token that it presented', () => {
    expect(late(31, REPLAY).headers).toEqual({});
  });

  test('delivers the token where that is the only one that can still be refreshed', () => {
    const { token, headers } = late(3540, REPLAY);

    expect(headers).toMatchObject({ authorization: `Bearer ${token}` });
  });

  test.each<[string, number, RefreshAuthOptions]>([
    ['within the grace', 30, REPLAY],
    ['without reuse detection', 31, { ...REPLAY, reuseDetection: false }],
  ])('%s the token is delivered', (_, seconds, options) => {
    const { token, headers } = late(seconds, options);

    expect(headers).toMatchObject({ authorization: `Bearer ${token}` });
  });
});

describe('what an interceptor has written', () => {
  const written = ({ token }: IssuedToken) => `__Host-authorization=${token}; Max-Age=604800; ${ATTRIBUTES}`;

  test('is seen in header and cookie, and goes out once', () => {
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

  test('is nothing where nothing can be delivered', async () => {
    const { core, delivery, response, issued } = setUp();
    delivery.offer(response, issued, 'presented');
    await core.revocations.revokeSession(issued.claims.sid);
    delivery.write(response);

    expect({ ...response.getHeaders() }).toEqual({});
  });

  test('[L3] is taken back where the session has ended since', async () => {
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
  ])('is restored where somebody has %s it', (_, tamper) => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    delivery.write(response);
    tamper(response);

    expect(sent()).toMatchObject({
      authorization: `Bearer ${issued.token}`,
      'set-cookie': ['theme=dark', written(issued)],
    });
  });

  test('gives way to a sign-in, and to a sign-out, that come after it', () => {
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

describe('[F36] a response that has gone out is not kept', () => {
  test('on a host whose responses never emit close', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued, 'presented');
    expect(delivery.sessionsUnderway).toBe(1);
    sent();

    expect(delivery.sessionsUnderway).toBe(0);
  });

  test('nor one whose client has hung up before, nor one that carries something else in the end', () => {
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

describe('[D7] a token that a browser would not keep', () => {
  test('is refused at sign-in, with its size', () => {
    const { core, delivery } = setUp();
    const issued = issuedWithCookieOf(core, 4081);
    const size = '__Host-authorization'.length + issued.token.length;

    expect(() => delivery.checkSize(issued)).toThrow(
      new RangeError(
        `The token makes a cookie of ${size} bytes, of at most 4080: tokens grow by a few bytes when they are refreshed, and browsers keep at most 4096. Sign fewer claims, or set delivery.cookie to false`,
      ),
    );
  });

  test('is one of more than 4,096 bytes', () => {
    const { core, delivery, response, sent } = setUp();
    const issued = issuedWithCookieOf(core, 4095);
    delivery.deliver(response, issued);

    expect('__Host-authorization'.length + issued.token.length).toBeLessThanOrEqual(4096);
    expect(sent()['set-cookie']).toEqual([expect.stringContaining(issued.token)]);
  });

  test('goes out in the header alone at a refresh, and an event says how long it is', () => {
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

  test('is not one of exactly 4,080 bytes, whose successors have 4,096 at most', () => {
    const { token, claims } = setUp().issued;
    const { core, delivery } = setUp({ delivery: { cookie: { name: 'n'.repeat(4080 - token.length) } } });

    expect(() => delivery.checkSize({ token, claims })).not.toThrow();
    expect(core.settings.delivery.cookie?.name).toHaveLength(4080 - token.length);
  });

  test('is no trouble without cookies', () => {
    const { core, delivery, response, sent } = setUp({ delivery: { cookie: false } });
    const issued = issuedWithCookieOf(core, 5000);
    delivery.deliver(response, issued);

    expect(sent()).toMatchObject({ authorization: `Bearer ${issued.token}` });
  });
});

describe('a sign-out', () => {
  test('[L7] removes the cookie as it was set, and nothing that was due goes out', () => {
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

  test('has nothing to remove without a cookie', () => {
    const { delivery, response, sent } = setUp({ delivery: { cookie: false } });
    delivery.clear(response);

    expect(sent()).toEqual({});
  });
});
