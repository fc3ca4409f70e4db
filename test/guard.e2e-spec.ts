// The guard: which requests pass, with which user and state, on which routes.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  All,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Injectable,
  Req,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  CurrentUser,
  getCurrentUser,
  getTokenState,
  type HttpRequest,
  OptionalAuth,
  Public,
  RefreshAuthError,
  RefreshAuthGuard,
  type RequestResponse,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { adapters } from './support/apps.js';
import { DAY, HOUR, MINUTE } from './support/aged-tokens.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { decodePayload, flipBit } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';

/** All that the library tells a handler. */
interface Seen {
  user?: unknown;
  sub?: unknown;
  state?: unknown;
  requestUser?: unknown;
}

type UserRequest = HttpRequest & { user?: unknown };

@Controller('guarded')
class GuardedController {
  @Get()
  guarded(
    @CurrentUser() user: unknown,
    @CurrentUser('sub') sub: unknown,
    @TokenState() state: unknown,
    @Req() request: UserRequest,
  ): Seen {
    return { user, sub, state, requestUser: request.user };
  }

  @Public()
  @Get('public')
  public(
    @CurrentUser() user: unknown,
    @CurrentUser('sub') sub: unknown,
    @TokenState() state: unknown,
    @Req() request: UserRequest,
  ): Seen {
    return { user, sub, state, requestUser: request.user };
  }

  @OptionalAuth()
  @Get('optional')
  optional(
    @CurrentUser() user: unknown,
    @CurrentUser('sub') sub: unknown,
    @TokenState() state: unknown,
    @Req() request: UserRequest,
  ): Seen {
    return { user, sub, state, requestUser: request.user };
  }

  @All('any-method')
  anyMethod(): string {
    return 'handled';
  }
}

@Public()
@Controller('public')
class PublicController {
  @Get()
  public(@CurrentUser() user: unknown): Seen {
    return { user };
  }

  @OptionalAuth()
  @Get('optional')
  optional(@TokenState() state: unknown): Seen {
    return { state };
  }
}

@OptionalAuth()
@Controller('optional')
class OptionalController {
  @Get()
  optional(@TokenState() state: unknown): Seen {
    return { state };
  }

  @Public()
  @Get('public')
  public(@TokenState() state: unknown): Seen {
    return { state };
  }
}

function requestPath(request: HttpRequest): string {
  return ('raw' in request ? (request.raw as { url?: string }) : (request as { url?: string })).url ?? '';
}

/** The user with these claims as a handler sees it. */
function seen(state: string, claims: object): Seen {
  return { user: claims, sub: '1', state, requestUser: claims };
}

function ownClaims(token: string): Record<string, unknown> {
  return decodePayload(token);
}

describe.each(adapters)('a global guard on %s', (adapter) => {
  let app: AuthApp;
  const get = (path: string, token?: string): Promise<HttpAnswer> =>
    send(`${app.url}/${path}`, token === undefined ? {} : bearer(token));

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [GuardedController, PublicController, OptionalController] });
  });

  afterAll(() => app.close());

  beforeEach(() => {
    app.events.length = 0;
  });

  async function expired(): Promise<string> {
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);
    return token;
  }

  describe('accepts a token that is', () => {
    test('valid, and does not change the response', async () => {
      const { token, claims } = await app.auth.issue({ sub: '1' });

      const answer = await get('guarded', token);

      expect([answer.status, answer.json()]).toEqual([200, seen('valid', claims)]);
      expect(delivered(answer)).toEqual(nothing);
      expect(answer.headers['cache-control']).toBeUndefined();
      expect(app.events).toEqual([]);
    });

    test('refreshable, and shows the handler the claims of the successor', async () => {
      const token = await expired();

      const answer = await get('guarded', token);

      const { header: successor = '', cookie: sameInCookie } = delivered(answer);
      expect(sameInCookie).toBe(successor);
      expect(ownClaims(successor)).toMatchObject({ sub: '1', sid: ownClaims(token)['sid'], gen: 1 });
      expect([answer.status, answer.json()]).toEqual([200, seen('refreshable', ownClaims(successor))]);
      expect(app.events.map(({ type }) => type)).toEqual(['refreshed']);
    });

    test('already-refreshed, and hands over the identical successor', async () => {
      const token = await expired();
      const { header: successor = '' } = delivered(await get('guarded', token));

      const answer = await get('guarded', token);

      expect(delivered(answer)).toEqual({ header: successor, cookie: successor });
      expect([answer.status, answer.json()]).toEqual([200, seen('already-refreshed', ownClaims(successor))]);
      expect(app.events.map(({ type }) => type)).toEqual(['refreshed', 'already-refreshed']);
    });

    test('already-refreshed with an expired successor, which is refreshed in turn', async () => {
      const token = await expired();
      await get('guarded', token);
      app.clock.advance(HOUR);

      const answer = await get('guarded', token);

      const { header: latest = '' } = delivered(answer);
      expect(ownClaims(latest)).toMatchObject({ sid: ownClaims(token)['sid'], gen: 2 });
      expect([answer.status, answer.json()]).toEqual([200, seen('already-refreshed', ownClaims(latest))]);
    });

    test('in the cookie', async () => {
      const token = await expired();

      const answer = await send(`${app.url}/guarded`, cookie(token));

      expect([answer.status, answer.json()]).toMatchObject([200, { state: 'refreshable' }]);
      expect(delivered(answer).header).toBe(delivered(answer).cookie);
    });
  });

  describe('rejects a token that is', () => {
    test('missing', async () => {
      expect(refusal(await get('guarded'))).toEqual(dead('token_missing'));
    });

    test('signed with an unknown key', async () => {
      const { token } = await app.auth.issue({ sub: '1' });

      expect(refusal(await get('guarded', flipBit(token)))).toEqual(dead('token_invalid'));
    });

    test('past its refresh window', async () => {
      const { token } = await app.auth.issue({ sub: '1' });
      app.clock.advance(7 * DAY);

      expect(refusal(await get('guarded', token))).toEqual(dead('token_expired'));
    });

    test('of a session whose lifetime is over, even after refreshes', async () => {
      let token: string | undefined = (await app.auth.issue({ sub: '1' })).token;
      for (let days = 6; days < 30; days += 6) {
        app.clock.advance(6 * DAY);
        token = delivered(await get('guarded', token)).header;
      }
      app.clock.advance(6 * DAY);

      expect(ownClaims(String(token))['gen']).toBe(4);
      expect(refusal(await get('guarded', token))).toEqual(dead('session_expired'));
    });

    test('of a revoked session: valid, superseded or latest', async () => {
      const superseded = await expired();
      const { header: newest = '' } = delivered(await get('guarded', superseded));
      await app.auth.revokeSession(String(ownClaims(newest)['sid']));

      const answers = [await get('guarded', superseded), await get('guarded', newest)];
      app.clock.advance(HOUR);
      answers.push(await get('guarded', newest));

      expect(answers.map(refusal)).toEqual(answers.map(() => dead('session_revoked')));
      expect(answers.map(delivered)).toEqual(answers.map(() => nothing));
    });
  });

  /** Returns the status and the state that the handler saw. */
  function outcome(answer: HttpAnswer): unknown[] {
    return [
      answer.status,
      (answer.json() as Seen).state,
      delivered(answer).header === undefined ? 'kept' : 'refreshed',
    ];
  }

  describe.each([
    ['guarded', 'required'],
    ['guarded/public', 'public'],
    ['guarded/optional', 'optional'],
    ['public', 'public'],
    ['public/optional', 'optional'],
    ['optional', 'optional'],
    ['optional/public', 'public'],
  ] as const)('on /%s a token is %s', (path, access) => {
    const withoutUser = access === 'required' ? [401, undefined, 'kept'] : [200, undefined, 'kept'];
    const withUser = access === 'public' ? [200, undefined, 'kept'] : [200, 'refreshable', 'refreshed'];

    test.each([
      ['no token', () => undefined, withoutUser],
      ['a malformed one', () => 'no.token.atall', withoutUser],
      ['one that was tampered with', async () => flipBit(await expired()), withoutUser],
      ['an expired one', expired, withUser],
    ])('and comes as %s', async (_, makeToken, expected) => {
      expect(outcome(await get(path, await makeToken()))).toEqual(expected);
    });
  });

  test('[V3] reads no token from query or body', async () => {
    const { token } = await app.auth.issue({ sub: '1' });
    const names = ['access_token', 'token', 'authorization', 'Authorization', 'jwt'];
    const form = names.map((name) => `${name}=${token}`).join('&');

    const answers = await Promise.all([
      get(`guarded?${form}`),
      send(`${app.url}/guarded/any-method`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(Object.fromEntries(names.map((name) => [name, token]))),
      }),
      // Fastify knows no forms, and answers so before any guard.
      ...(adapter === 'express'
        ? [
            send(`${app.url}/guarded/any-method`, {
              method: 'POST',
              headers: { 'content-type': 'application/x-www-form-urlencoded' },
              body: form,
            }),
          ]
        : []),
    ]);

    expect(answers.map(refusal)).toEqual(answers.map(() => dead('token_missing')));
  });

  describe('[D10] an OPTIONS request', () => {
    const preflight = { 'access-control-request-method': 'GET', origin: 'https://app.example.com' };
    const options = (headers: Record<string, string>): Promise<HttpAnswer> =>
      send(`${app.url}/guarded/any-method`, { method: 'OPTIONS', headers });

    test('is answered as a preflight, without running the handler or changing any state', async () => {
      const answer = await options(preflight);

      expect([answer.status, answer.body]).toEqual([204, '']);
      expect(app.events).toEqual([]);
    });

    test.each([
      ['it asks for no method', { origin: preflight.origin }, 'token_missing'],
      ['it brings a bad token', { ...preflight, authorization: 'Bearer no.token.atall' }, 'token_malformed'],
      ['it brings a bad cookie', { ...preflight, cookie: '__Host-authorization=no.token.atall' }, 'token_malformed'],
    ] as const)('is guarded like any other where %s', async (_, headers, code) => {
      expect(refusal(await options(headers))).toEqual(dead(code));
    });
  });
});

/** Notes what it finds in the request, as an application's guard or middleware does. */
@Injectable()
class LookingGuard implements CanActivate {
  readonly seen: unknown[] = [];

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    this.seen.push([getTokenState(request), getCurrentUser(request)?.gen]);
    return true;
  }
}

@UseGuards(RefreshAuthGuard)
@Controller('class')
class GuardedClassController {
  @UseGuards(RefreshAuthGuard, LookingGuard)
  @Get('twice')
  twice(@TokenState() state: unknown): Seen {
    return { state };
  }
}

@Controller('method')
class GuardedMethodController {
  @UseGuards(RefreshAuthGuard)
  @Get()
  guarded(@TokenState() state: unknown): Seen {
    return { state };
  }

  @Get('free')
  free(@CurrentUser() user: unknown, @TokenState() state: unknown): Seen {
    return { user, state };
  }
}

describe.each(adapters)('guards on classes and methods on %s', (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [GuardedClassController, GuardedMethodController],
      providers: [LookingGuard],
    });
  });

  afterAll(() => app.close());

  test('guard only the routes on which they stand', async () => {
    const paths = ['class/twice', 'method', 'method/free'];

    const answers = await Promise.all(paths.map((path) => send(`${app.url}/${path}`)));

    expect(answers.map(({ status }) => status)).toEqual([401, 401, 200]);
    expect(answers[2]?.json()).toEqual({});
  });

  test('authenticate a request once, no matter how many of them run', async () => {
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);

    const answer = await send(`${app.url}/class/twice`, bearer(token));

    expect([answer.status, answer.json()]).toEqual([200, { state: 'refreshable' }]);
    expect(app.events.map(({ type }) => type)).toEqual(['refreshed']);
    expect(app.app.get(LookingGuard).seen).toEqual([['refreshable', 1]]);
  });
});

@Injectable()
class CustomGuard extends RefreshAuthGuard {
  protected override getToken(request: HttpRequest): string {
    const { 'x-token': token } = ('raw' in request ? request.raw : request).headers;
    if (typeof token !== 'string') throw new RefreshAuthError('token_missing');
    return token;
  }

  protected override toUser({ sub, gen }: TokenClaims): unknown {
    return { sub, name: `user ${sub} of generation ${gen}` };
  }

  protected override deny(error: unknown): never {
    throw new HttpException({ custom: error instanceof RefreshAuthError ? error.code : 'unknown' }, 418);
  }
}

describe.each(adapters)('a guard of the application that extends ours, on %s', (adapter) => {
  let app: AuthApp;
  const get = (headers: Record<string, string>): Promise<HttpAnswer> => send(`${app.url}/guarded`, { headers });

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [GuardedController],
      providers: [{ provide: APP_GUARD, useClass: CustomGuard }],
    });
  });

  afterAll(() => app.close());

  test('overrides where the token is and what a user is', async () => {
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);

    const answer = await get({ 'x-token': token });

    const user = { sub: '1', name: 'user 1 of generation 1' };
    expect([answer.status, answer.json()]).toEqual([200, seen('refreshable', user)]);
    expect(ownClaims(String(delivered(answer).header))['gen']).toBe(1);
  });

  test('overrides how a denial is answered', async () => {
    const { token } = await app.auth.issue({ sub: '1' });

    const answers = [await get({ authorization: `Bearer ${token}` }), await get({ 'x-token': flipBit(token) })];

    expect(answers.map((answer) => [answer.status, answer.json()])).toEqual([
      [418, { custom: 'token_missing' }],
      [418, { custom: 'token_invalid' }],
    ]);
  });
});

describe.each(adapters)('a guard whose getToken redeems a ticket, on %s', (adapter) => {
  const tickets = new Map<string, string>();

  @Injectable()
  class TicketGuard extends RefreshAuthGuard {
    protected override getToken(request: HttpRequest): string {
      const ticket = String(('raw' in request ? request.raw : request).headers['x-ticket']);
      const token = tickets.get(ticket);
      tickets.delete(ticket);
      if (token === undefined) throw new RefreshAuthError('token_missing');
      return token;
    }
  }

  let app: AuthApp;
  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [GuardedController],
      providers: [TicketGuard, { provide: APP_GUARD, useExisting: TicketGuard }],
    });
  });

  afterAll(() => app.close());

  test('asks it once for a token, be it seen for the first time, known or expired', async () => {
    const { token } = await app.auth.issue({ sub: '1' });
    const redeem = async (): Promise<number> => {
      tickets.set('ticket', token);
      return (await send(`${app.url}/guarded`, { headers: { 'x-ticket': 'ticket' } })).status;
    };

    const statuses = [await redeem(), await redeem()];
    app.clock.advance(HOUR);
    statuses.push(await redeem());

    expect(statuses).toEqual([200, 200, 200]);
  });
});

describe.each(adapters)('[F39] what a method of the application throws goes through as it is, on %s', (adapter) => {
  let failure: () => unknown = () => undefined;

  @Injectable()
  class FailingGuard extends RefreshAuthGuard {
    protected override getToken(request: HttpRequest, context: ExecutionContext): string {
      if (requestPath(request).includes('optional')) failure();
      return super.getToken(request, context);
    }

    protected override toUser(claims: TokenClaims): unknown {
      return failure() ?? claims;
    }
  }

  let app: AuthApp;
  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [GuardedController],
      providers: [{ provide: APP_GUARD, useClass: FailingGuard }],
    });
  });
  afterAll(() => app.close());

  const logged = (): readonly string[] => app.logs.filter((line) => line.includes('no database'));

  describe.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ])('that %s', (_, fail) => {
    test('causes 500 and a log line, no token-rejected event, and the next token is still delivered', async () => {
      const { token } = await app.auth.issue({ sub: '1' });
      app.clock.advance(HOUR);
      const before = [logged().length, app.events.length];
      failure = fail;

      const answer = await send(`${app.url}/guarded`, bearer(token));

      expect([answer.status, answer.json()]).toEqual([500, { statusCode: 500, message: 'Internal server error' }]);
      expect(delivered(answer).header).toEqual(expect.any(String));
      expect([logged().length - (before[0] ?? 0), app.events.slice(before[1]).map(({ type }) => type)]).toEqual([
        1,
        ['refreshed'],
      ]);
    });
  });

  test.each(['guarded', 'guarded/optional'])('an HttpException: its own answer, from %s', async (path) => {
    const { token } = await app.auth.issue({ sub: '1' });
    failure = () => {
      throw new HttpException({ custom: true }, 418);
    };

    const answer = await send(`${app.url}/${path}`, bearer(token));

    expect([answer.status, answer.json()]).toEqual([418, { custom: true }]);
  });
});

test('a guard that finds no response still refreshes the token, and delivers nothing', async () => {
  @Injectable()
  class ResponselessGuard extends RefreshAuthGuard {
    protected override getRequestResponse(context: ExecutionContext): RequestResponse {
      return { request: super.getRequestResponse(context).request };
    }
  }
  const app = await startAuthApp('express', {
    controllers: [GuardedController],
    providers: [{ provide: APP_GUARD, useClass: ResponselessGuard }],
  });
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(20 * MINUTE);

  const [passed, refused] = [await send(`${app.url}/guarded`, bearer(token)), await send(`${app.url}/guarded`)];
  await app.close();

  expect([passed.status, passed.json()]).toMatchObject([200, { state: 'refreshable', user: { gen: 1 } }]);
  expect(delivered(passed)).toEqual(nothing);
  expect([refused.status, refused.json()]).toMatchObject([401, { code: 'token_missing' }]);
});
