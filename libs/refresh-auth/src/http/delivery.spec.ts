import { describe, expect, test } from '@jest/globals';
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { TestClock } from '../../../../test/support/clock.js';
import { secret } from '../../../../test/support/key-material.js';
import { RefreshAuthCore } from '../refresh-auth.core.js';
import { type RefreshAuthOptions, resolveOptions } from '../refresh-auth.options.js';
import { hashed } from '../sessions/hashed.js';
import { InMemorySessionStore } from '../sessions/in-memory-session-store.js';
import { checkOwnClaims } from '../tokens/claims.js';

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
    if ('authorization'.length + issued.token.length >= bytes) return issued;
  }
}

describe('a token that is due', () => {
  test('goes out in header and cookie, for scripts to read and for no cache to keep', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);

    expect(sent()).toEqual({
      authorization: `Bearer ${issued.token}`,
      'access-control-expose-headers': 'Authorization',
      'set-cookie': [`authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
      'cache-control': 'private, no-store',
    });
  });

  test('[D8] goes out in the cookie alone', () => {
    const { delivery, response, sent, issued } = setUp({ delivery: { header: false } });
    delivery.deliver(response, issued);
    delivery.show(response);

    expect(sent()).toEqual({
      'set-cookie': [`authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
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
      'set-cookie': ['theme=dark', `authorization=${issued.token}; Max-Age=604800; ${ATTRIBUTES}`],
      'cache-control': 'private, no-store',
      etag: '"1"',
    });
  });

  test('is the last of several: a response carries at most one', () => {
    const { core, delivery, response, sent, issued } = setUp();
    const signedIn = core.signer.first({ sub: '2' }, 0);
    delivery.deliver(response, issued);
    delivery.show(response);
    delivery.deliver(response, signedIn);

    expect(sent()).toMatchObject({
      authorization: `Bearer ${signedIn.token}`,
      'set-cookie': [expect.stringContaining(`authorization=${signedIn.token};`)],
    });
  });

  test('is shown to the handler in the header', () => {
    const { delivery, response, issued } = setUp();
    delivery.deliver(response, issued);
    delivery.show(response);

    expect({ ...response.getHeaders() }).toEqual({ authorization: `Bearer ${issued.token}` });
  });
});

describe('a token that is offered', () => {
  test('goes out where nothing else is due, though no handler saw it', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.offer(response, issued);

    expect({ ...response.getHeaders() }).toEqual({});
    expect(sent()).toMatchObject({
      authorization: `Bearer ${issued.token}`,
      'set-cookie': [expect.stringContaining(issued.token)],
    });
  });

  test('takes the place of nothing that is due', () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    delivery.offer(response, core.signer.first({ sub: '2' }, 0));

    expect(sent()).toMatchObject({ authorization: `Bearer ${issued.token}` });
  });

  test('does not bring back what a sign-out has removed', () => {
    const { delivery, response, sent, issued } = setUp();
    delivery.clear(response);
    delivery.offer(response, issued);

    expect(sent()).toEqual({ 'set-cookie': [`authorization=; Max-Age=0; ${ATTRIBUTES}`] });
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
  delivery.show(response);

  expect(sent()).toEqual({ 'cache-control': 'public', 'set-cookie': 'a=b', authorization: 'Bearer other' });
});

describe('the last look, when the headers go out', () => {
  test('[L3] nothing is delivered once the session is revoked', async () => {
    const { core, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    delivery.show(response);
    await core.revocations.revokeSession(issued.claims.sid);

    expect(sent({ 'Cache-Control': 'public' })).toEqual({ 'cache-control': 'public' });
  });

  test('nothing is delivered that has expired meanwhile', () => {
    const { clock, delivery, response, sent, issued } = setUp();
    delivery.deliver(response, issued);
    delivery.show(response);
    clock.advance(900_000);

    expect(sent()).toEqual({});
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

    expect(sent()['set-cookie']).toEqual([`authorization=${issued.token}; Max-Age=${maxAge}; ${ATTRIBUTES}`]);
  });
});

describe('[D7] a token that a browser would not keep', () => {
  test('is refused at sign-in, with its size', () => {
    const { core, delivery } = setUp();
    const issued = issuedWithCookieOf(core, 4097);
    const size = 'authorization'.length + issued.token.length;

    expect(() => delivery.checkSize(issued)).toThrow(
      new RangeError(
        `The token makes a cookie of ${size} bytes, but browsers keep at most 4096: sign fewer claims, or set delivery.cookie to false`,
      ),
    );
  });

  test('is one of more than 4,096 bytes', () => {
    const { core, delivery, response, sent } = setUp();
    const issued = issuedWithCookieOf(core, 4095);
    delivery.deliver(response, issued);

    expect('authorization'.length + issued.token.length).toBeLessThanOrEqual(4096);
    expect(sent()['set-cookie']).toEqual([expect.stringContaining(issued.token)]);
  });

  test('goes out in the header alone at a renewal, and an event says how long it is', () => {
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
      { type: 'token-too-large', at: clock.now(), session: hashed(sid), gen, bytes: issued.token.length },
    ]);
  });

  test('is not one of exactly 4,096 bytes', () => {
    const { token, claims } = setUp().issued;
    const { core, delivery } = setUp({ delivery: { cookie: { name: 'n'.repeat(4096 - token.length) } } });

    expect(() => delivery.checkSize({ token, claims })).not.toThrow();
    expect(core.settings.delivery.cookie?.name).toHaveLength(4096 - token.length);
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
    delivery.show(response);
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
