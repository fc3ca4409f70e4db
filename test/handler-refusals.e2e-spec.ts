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
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { CurrentUser, RefreshAuthError, RefreshAuthGuard, RefreshAuthInterceptor } from 'nestjs-refresh-auth';
import { firstValueFrom, type Observable } from 'rxjs';
import { RefreshAuthFilter } from '../libs/refresh-auth/src/refresh-auth.filter.js';
import { adapters } from './support/apps.js';
import { type AuthApp, type AuthAppOptions, startAuthApp } from './support/auth-app.js';
import { dead, refusal, storeUnavailable } from './support/http-refusals.js';
import { bearer } from './support/delivered.js';
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
