// Refusals that a handler catches, or lets through.
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  type INestApplication,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  RefreshAuthError,
  RefreshAuthGuard,
  RefreshAuthInterceptor,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { wrapStore } from 'nestjs-refresh-auth/testing';
import { firstValueFrom, type Observable } from 'rxjs';
import { RefreshAuthFilter } from '../libs/refresh-auth/src/refresh-auth.filter.js';
import { adapters } from './support/apps.js';
import { type AuthApp, type AuthAppOptions, startAuthApp } from './support/auth-app.js';
import { dead, refusal, storeUnavailable } from './support/http-refusals.js';
import { bearer } from './support/delivered.js';
import { TestClock } from './support/clock.js';
import { send } from './support/http.js';

@Controller()
class RefusingController {
  /** Fails like a handler that asks the service while the store is down. */
  @Get('store')
  store(): never {
    throw new RefreshAuthError('store_unavailable', 'for the operator');
  }

  @Get('session')
  session(): never {
    throw new RefreshAuthError('session_revoked');
  }

  @UseGuards(RefreshAuthGuard)
  @Get('mine')
  mine(@CurrentUser('sub') sub: string): { sub: string } {
    return { sub };
  }
}

/** A filter as many applications have it, and that of NestJS' own documentation. */
@Catch()
class EverythingFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const reply = host.switchToHttp().getResponse<{ status(code: number): { send(body: object): void } }>();
    reply.status(status).send({ filtered: status });
  }
}

@Catch(HttpException)
class HttpFilter extends EverythingFilter {}

describe.each(adapters)('a refusal that a handler lets through, on %s', (adapter) => {
  let app: AuthApp;

  afterEach(() => app.close());

  async function start(more: Partial<AuthAppOptions> = {}): Promise<void> {
    app = await startAuthApp(adapter, { controllers: [RefusingController], providers: [], ...more });
  }

  test('is answered as by the guard', async () => {
    await start();

    expect(refusal(await send(`${app.url}/store`))).toEqual(storeUnavailable);
    expect(refusal(await send(`${app.url}/session`))).toEqual(dead('session_revoked'));
  });

  test('has its status in a filter for all exceptions, if the application registers the interceptor', async () => {
    const configure = (nest: INestApplication): unknown => nest.useGlobalFilters(new EverythingFilter());
    await start({ configure, providers: [{ provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor }] });

    const answer = await send(`${app.url}/store`);

    expect([answer.status, answer.json(), answer.headers['retry-after']]).toEqual([503, { filtered: 503 }, '1']);
  });

  test('and one of the guard reach a filter that the application provides for HttpException, with their headers', async () => {
    await start({
      providers: [
        { provide: APP_FILTER, useClass: HttpFilter },
        { provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor },
      ],
    });

    const answers = [await send(`${app.url}/mine`), await send(`${app.url}/store`)];

    expect(answers.map((answer) => [answer.status, answer.json()])).toEqual([
      [401, { filtered: 401 }],
      [503, { filtered: 503 }],
    ]);
    expect(answers[0]?.headers['www-authenticate']).toBe('Bearer realm="refresh-auth"');
    expect(answers[1]?.headers['retry-after']).toBe('1');
  });

  test('does not affect other errors, with and without the interceptor', async () => {
    for (const providers of [[], [{ provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor }]]) {
      await start({ providers });
      const { token } = await app.auth.issue({ sub: '1' });
      app.clock.advance(3_600_000);

      const answer = await send(`${app.url}/mine`, bearer(token));

      expect([answer.status, answer.json()]).toEqual([200, { sub: '1' }]);
      expect(answer.headers.authorization).toMatch(/^Bearer ey/);
      await app.close();
    }
  });
});

/** The filter of `docs/api.md`. */
@Catch()
class CodeFilter implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    const code = exception instanceof RefreshAuthError ? exception.code : undefined;
    const status = exception instanceof HttpException ? exception.getStatus() : 500;
    const reply = host.switchToHttp().getResponse<{ status(code: number): { send(body: object): void } }>();
    reply.status(status).send({ code });
  }
}

@Controller()
class StoreController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('guarded')
  @UseGuards(RefreshAuthGuard)
  guarded(): void {}

  @Get('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Get('sign-out')
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }

  @Get('end-user')
  async endUser(): Promise<void> {
    await this.auth.revokeUser('1');
  }
}

@Controller()
@UseFilters(CodeFilter)
class FilteredController extends StoreController {}

describe.each(adapters)('the exception filter of an application that catches everything, on %s', (adapter) => {
  const interceptor = { provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor };
  const filter = { provide: APP_FILTER, useClass: CodeFilter };
  let app: AuthApp;
  afterEach(() => app.close());

  /** Who answers each error, and if the headers of the error are there: those of the page "Guard, decorators and service". */
  test.each<[how: string, options: Partial<AuthAppOptions>, inService: string, elsewhere: string]>([
    ['as APP_FILTER', { providers: [filter] }, 'application, headers', 'library, headers'],
    [
      'by useGlobalFilters',
      { providers: [], configure: (nest) => nest.useGlobalFilters(new CodeFilter()) },
      'application, headers',
      'application',
    ],
    ['by @UseFilters', { providers: [], controllers: [FilteredController] }, 'application, headers', 'application'],
    [
      'as APP_FILTER, beside the interceptor',
      { providers: [filter, interceptor] },
      'application, headers',
      'application, headers',
    ],
    [
      'by useGlobalFilters, beside the interceptor',
      { providers: [interceptor], configure: (nest) => nest.useGlobalFilters(new CodeFilter()) },
      'application, headers',
      'application, headers',
    ],
    [
      'by @UseFilters, beside the interceptor',
      { providers: [interceptor], controllers: [FilteredController] },
      'application, headers',
      'application, headers',
    ],
  ])('%s', async (_, options, withResponse, withoutResponse) => {
    let isDown = false;
    const store = wrapStore(new InMemorySessionStore(new TestClock()), {
      around: async (ask) => (isDown ? Promise.reject(new Error('down')) : ask()),
    });
    app = await startAuthApp(adapter, {
      controllers: [StoreController],
      options: { store, sessions: 'tracked' },
      ...options,
    });
    const { token } = await app.auth.issue({ sub: '1' });
    isDown = true;
    const answers = {
      guard: await send(`${app.url}/guarded`),
      signIn: await send(`${app.url}/sign-in`),
      signOut: await send(`${app.url}/sign-out`, bearer(token)),
      revokeUser: await send(`${app.url}/end-user`),
    };

    const found = Object.entries(answers).map(([name, answer]) => {
      const { code, message } = answer.json() as { code: string; message?: string };
      const headers = answer.headers['retry-after'] ?? answer.headers['www-authenticate'];
      return [name, code, `${message === undefined ? 'application' : 'library'}${headers ? ', headers' : ''}`];
    });
    expect(found).toEqual([
      ['guard', 'token_missing', 'application, headers'],
      ['signIn', 'store_unavailable', withResponse],
      ['signOut', 'store_unavailable', withResponse],
      ['revokeUser', 'store_unavailable', withoutResponse],
    ]);
  });
});

describe('an error of the library outside HTTP', () => {
  const error = new RefreshAuthError('session_revoked', 'for the operator');
  const filter = new RefreshAuthFilter({} as never);
  const host = (type: string): ArgumentsHost => ({ getType: () => type }) as unknown as ArgumentsHost;

  test('is left to the transport of a gateway', () => {
    expect(() => filter.catch(error, host('ws'))).toThrow(error);
  });

  test('fails the stream of a microservice', async () => {
    const answer = filter.catch(error, host('rpc')) as Observable<never>;

    await expect(firstValueFrom(answer)).rejects.toEqual({
      code: 'session_revoked',
      message: 'The session was revoked',
    });
  });
});
