// GraphQL subscriptions over a socket of Mercurius.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Context, GraphQLModule, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { on, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { WebSocket } from 'ws';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { cookie } from './support/delivered.js';

const TRUSTED = 'https://trusted.example';

const typeDefs = `
  type Query { me: String }
  type Mutation { rename: String, leave: Boolean }
  type Subscription { news: String }
`;

const ANSWER_LIMIT_MS = 10_000;

interface Answer {
  data?: unknown;
  errors?: { message: string }[] | undefined;
}

interface Message {
  id?: string;
  type: string;
  payload?: unknown;
}

let done: string[] = [];

/** For `signOut`, which needs one, although a socket has none. */
const noResponse = { raw: { headersSent: true, destroyed: true } } as HttpResponse;

@Resolver()
class NewsResolver {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Query('me')
  me(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Mutation('rename')
  rename(@CurrentUser('sub') sub: string): string {
    done.push('renamed');
    return sub;
  }

  @Public()
  @Mutation('leave')
  async leave(@Context('request') request: HttpRequest): Promise<boolean> {
    await this.auth.signOut(request, noResponse);
    done.push('left');
    return true;
  }

  @Subscription('news')
  async *news(): AsyncGenerator<{ news: string }> {
    yield await Promise.resolve({ news: 'for the user alone' });
  }
}

describe('operations over a socket of Mercurius', () => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    const graphql = GraphQLModule.forRoot<MercuriusDriverConfig>({
      driver: MercuriusDriver,
      typeDefs,
      subscription: { fullWsTransport: true },
    });
    app = await startAuthApp('fastify', {
      imports: [graphql],
      providers: [globalGuard, NewsResolver],
      options: { csrf: { trustedOrigins: [TRUSTED] } },
    });
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    done = [];
    app.events.length = 0;
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  /** Opens a socket as a browser does for a page of this origin, and asks for one operation after the other. */
  async function operate(origin: string, payload: object, ...queries: string[]): Promise<Answer[]> {
    const headers = { ...(cookie(token).headers as Record<string, string>), origin };
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
    const messages = on(socket, 'message', { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const next = async (): Promise<Message> => {
      const { value } = (await messages.next()) as { value: [Buffer] };
      return JSON.parse(value[0].toString()) as Message;
    };
    /** Up to the answer, which a message that says that there are no more may precede. */
    const answer = async (id: string): Promise<Answer> => {
      const { id: of, type, payload: answered } = await next();
      if (of !== id || type === 'complete') return answer(id);
      return type === 'error' ? { errors: answered as Answer['errors'] } : (answered as Answer);
    };
    try {
      await once(socket, 'open');
      socket.send(JSON.stringify({ type: 'connection_init', payload }));
      await next();
      const answers: Answer[] = [];
      for (const [id, query] of queries.entries()) {
        socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }));
        answers.push(await answer(String(id)));
      }
      return answers;
    } finally {
      socket.terminate();
    }
  }

  const everything = ['subscription { news }', 'mutation { rename }', 'query { me }', 'mutation { leave }'];
  const refused = expect.objectContaining({
    errors: [expect.objectContaining({ message: 'The request came from another origin' })],
  });

  test.each([
    {},
    { 'sec-fetch-site': 'same-origin' },
    { headers: { 'sec-fetch-site': 'same-origin' } },
    { 'sec-fetch-site': 'none', origin: TRUSTED, host: 'other.example', referer: TRUSTED },
    { upgrade: 'none' },
    { authorization: '' },
  ])('[F2] are refused if a page of another origin opened it, with any payload: %j', async (payload) => {
    expect(await operate('http://other.example', payload, ...everything)).toEqual([refused, refused, refused, refused]);
    expect(done).toEqual([]);
    expect((await app.auth.inspect(token)).state).toBe('valid');
    expect(app.events.map((event) => 'code' in event && event.code)).toEqual(Array(4).fill('request_cross_site'));
  });

  test('[F2] are refused to the page of another origin in Chromium', async () => {
    const page = createServer((_, response) => response.end('A page of another origin of the same site')).listen(
      0,
      '127.0.0.1',
    );
    await once(page, 'listening');
    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
      // The sandbox of Chromium does not work for root, as in a container.
      args: ['--no-sandbox'],
    });
    try {
      const context = await browser.newContext();
      const [name = '', value = ''] = String(cookie(token).headers?.['cookie']).split('=');
      // A `__Host-` cookie needs the URL of a secure origin; ports and schemes do not tell cookies apart.
      const secure = app.url.replace('http:', 'https:');
      await context.addCookies([{ name, value, url: secure, secure: true, sameSite: 'Lax' }]);
      const opened = await context.newPage();
      await opened.goto(`http://127.0.0.1:${(page.address() as AddressInfo).port}`);
      const answer = await opened.evaluate(
        (url) =>
          new Promise<unknown>((resolve) => {
            const socket = new WebSocket(url, 'graphql-transport-ws');
            const say = (message: object): void => socket.send(JSON.stringify(message));
            socket.addEventListener('open', () =>
              say({ type: 'connection_init', payload: { 'sec-fetch-site': 'same-origin' } }),
            );
            socket.addEventListener('message', ({ data }) => {
              const { type, payload } = JSON.parse(data as string) as Message;
              if (type !== 'connection_ack') return resolve(payload);
              say({ id: '0', type: 'subscribe', payload: { query: 'subscription { news }' } });
            });
          }),
        `${app.url.replace('http', 'ws')}/graphql`,
      );

      expect(answer).toEqual([expect.objectContaining({ message: 'The request came from another origin' })]);
      expect(app.events).toEqual([
        expect.objectContaining({ code: 'request_cross_site', detail: 'by its header Origin' }),
      ]);
    } finally {
      await browser.close();
      page.close();
    }
  });

  test('[F2] sign nobody out by a Bearer header that is only in the payload', async () => {
    const payload = { authorization: 'Bearer x' };
    const [, answer] = await operate('http://other.example', payload, 'subscription { news }', 'mutation { leave }');

    expect(answer).toEqual(refused);
    expect((await app.auth.inspect(token)).state).toBe('valid');
  });

  test.each([
    ['its own', () => app.url],
    ['a trusted one', () => TRUSTED],
  ])('are served if a page of %s opened it', async (_, origin) => {
    expect(await operate(origin(), { 'sec-fetch-site': 'cross-site' }, ...everything)).toEqual([
      { data: { news: 'for the user alone' } },
      { data: { rename: '1' } },
      { data: { me: '1' } },
      { data: { leave: true } },
    ]);
    expect(done).toEqual(['renamed', 'left']);
    expect((await app.auth.inspect(token)).state).toBe('dead');
  });

  test('are served for a token in the payload, no matter who opened it, because browsers do not add one by themselves', async () => {
    const payload = { authorization: `Bearer ${token}` };

    expect(await operate('http://other.example', payload, 'subscription { news }', 'mutation { rename }')).toEqual([
      { data: { news: 'for the user alone' } },
      { data: { rename: '1' } },
    ]);
  });
});
