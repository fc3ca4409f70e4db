// RefreshAuthInterceptor: the headers that interceptors outside it see, and those that are sent in the end.
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  Post,
  Req,
  Res,
  Sse,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import {
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthInterceptor,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { catchError, mergeMap, type Observable, of } from 'rxjs';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { bearer, type Delivered, delivered, nothing } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { send } from './support/http.js';

/** The headers that an interceptor finds in the response, on any adapter. */
function shownBy(response: HttpResponse): Delivered {
  const header = response.getHeader('Authorization') as string | undefined;
  const setCookies = [response.getHeader('Set-Cookie') ?? []].flat() as string[];
  return delivered({ headers: { authorization: header }, setCookies } as Parameters<typeof delivered>[0]);
}

let shown: Delivered[] = [];
let meanwhile: (response: HttpResponse) => unknown = () => undefined;

/** Stands outside the library's, which has written by the time that this one hears of an answer. */
@Injectable()
class OuterInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const response = context.switchToHttp().getResponse<HttpResponse>();
    return next.handle().pipe(
      catchError((error: Error) => of({ caught: error.message })),
      mergeMap(async (answer: unknown) => {
        shown.push(shownBy(response));
        await meanwhile(response);
        return answer;
      }),
    );
  }
}

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('answer')
  answer(): object {
    return {};
  }

  @Get('failure')
  failure(): never {
    throw new Error('of the handler');
  }

  @Get('cookies')
  cookies(@Res({ passthrough: true }) response: HttpResponse): object {
    if ('raw' in response) response.header('Set-Cookie', 'theme=dark');
    else response.setHeader('Set-Cookie', ['visit=1', 'theme=dark']);
    return {};
  }

  @Sse('events')
  events(): Observable<object> {
    return of({ data: 'one' }, { data: 'two' });
  }

  @Post('sign-in')
  @Public()
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<object> {
    await this.auth.signIn(response, { sub: '2' });
    return {};
  }

  @Post('sign-out')
  @Public()
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<object> {
    await this.auth.signOut(request, response);
    return {};
  }
}

describe.each(adapters)('RefreshAuthInterceptor on %s', (adapter) => {
  let app: AuthApp;

  async function start(): Promise<string> {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      providers: [
        globalGuard,
        { provide: APP_INTERCEPTOR, useClass: OuterInterceptor },
        { provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor },
      ],
      configure: (starting) =>
        // Middleware of frameworks below Nest writes to the raw response.
        starting.use(
          (_: unknown, response: { setHeader: (name: string, value: string[]) => void }, next: () => void) => {
            response.setHeader('Set-Cookie', ['visit=1']);
            next();
          },
        ),
    });
    return (await mintToken(app.app, { sub: '1' }, { state: 'refreshable' })).token;
  }

  afterEach(async () => {
    shown = [];
    meanwhile = () => undefined;
    await app.close();
  });

  const generationOf = ({ header = '', cookie }: Delivered): unknown => [
    decodePayload(header)['gen'],
    cookie === header,
  ];

  test.each(['answer', 'failure'])(
    'shows header and cookie to those outside it, and delivers once: %s',
    async (path) => {
      const token = await start();
      const answer = await send(`${app.url}/${path}`, bearer(token));

      expect(answer.status).toBe(200);
      expect(shown.map(generationOf)).toEqual([[1, true]]);
      expect(delivered(answer)).toEqual(shown[0]);
      expect(answer.setCookies.filter((line) => line.startsWith('visit='))).toEqual(['visit=1']);
      expect(answer.headers['cache-control']).toBe('private, no-store');
    },
  );

  test('writes once for a stream of many values', async () => {
    const token = await start();
    const answer = await send(`${app.url}/events`, bearer(token));

    expect(answer.body).toContain('two');
    expect(generationOf(delivered(answer))).toEqual([1, true]);
  });

  test('[D5] keeps the cookies of handler and middleware', async () => {
    const token = await start();
    const { setCookies } = await send(`${app.url}/cookies`, bearer(token));

    expect(setCookies.map((line) => line.split('=')[0])).toEqual(
      // A reply of Fastify that has lines of its own replaces those of the raw response.
      expect.arrayContaining(['__Host-authorization', 'theme', ...(adapter === 'express' ? ['visit'] : [])]),
    );
  });

  test('[D5] keeps a cookie that code outside it sets on the raw response', async () => {
    const token = await start();
    meanwhile = (response) => {
      const raw = 'raw' in response ? response.raw : response;
      raw.setHeader('Set-Cookie', [...(raw.getHeader('Set-Cookie') as string[]), 'late=1']);
    };
    const answer = await send(`${app.url}/answer`, bearer(token));

    expect(answer.setCookies.map((line) => line.split('=')[0])).toEqual(['visit', 'late', '__Host-authorization']);
  });

  test('[L3] both are withdrawn if the session ends before the headers are sent', async () => {
    const token = await start();
    const { sid } = decodePayload(token) as { sid: string };
    meanwhile = () => app.auth.revokeSession(sid);
    const answer = await send(`${app.url}/answer`, bearer(token));

    expect(shown.map(generationOf)).toEqual([[1, true]]);
    expect([answer.status, delivered(answer)]).toEqual([200, nothing]);
    expect(answer.setCookies).toEqual(['visit=1']);
  });

  test('a sign-in outside it replaces what it has written', async () => {
    const token = await start();
    meanwhile = (response) => app.auth.signIn(response, { sub: '2' });
    const answer = await send(`${app.url}/answer`, bearer(token));

    expect(shown.map(generationOf)).toEqual([[1, true]]);
    expect(decodePayload(delivered(answer).cookie ?? '')).toMatchObject({ sub: '2', gen: 0 });
  });

  test.each([
    ['sign-in', /^[\w-]+\.[\w-]+\.[\w-]+$/],
    ['sign-out', /^$/],
  ])('shows what a handler delivers: %s', async (path, value) => {
    const token = await start();
    const answer = await send(`${app.url}/${path}`, { method: 'POST', body: '', ...bearer(token) });

    expect(delivered(answer)).toEqual(shown[0]);
    expect(delivered(answer).cookie).toMatch(value);
  });
});
