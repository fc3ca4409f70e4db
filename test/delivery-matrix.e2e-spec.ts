// Delivery by header, cookie or both, in each kind of response.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { RequestListener } from 'node:http';
import type { DeliveryOptions } from 'nestjs-refresh-auth';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { kinds, KindsController, LaterGuard } from './support/kinds-of-response.js';

const HOUR = 3_600_000;

/** Headers that an application may set on all its responses, the worst for a token. */
const OWN: Record<string, string> = {
  'Cache-Control': 'public, max-age=600, s-maxage=600',
  'CDN-Cache-Control': 'max-age=600',
  'Cloudflare-CDN-Cache-Control': 'max-age=600',
  'Vercel-CDN-Cache-Control': 'max-age=600',
  'Surrogate-Control': 'max-age=600',
  'Edge-Control': 'cache-maxage=600',
  'X-Accel-Expires': '600',
  Vary: 'Accept-Language',
  'Access-Control-Expose-Headers': 'X-Total',
  'Set-Cookie': 'theme=dark; Path=/',
};

const setOwn: RequestListener = (_, response) => {
  for (const [name, value] of Object.entries(OWN)) response.setHeader(name, value);
};

function ownHeaders(app: INestApplication): void {
  app.use((...[request, response, next]: [...Parameters<RequestListener>, () => void]) => {
    setOwn(request, response);
    next();
  });
}

const modes: [mode: string, delivery: DeliveryOptions, carries: { header: boolean; cookie: boolean }][] = [
  ['header and cookie', {}, { header: true, cookie: true }],
  ['header alone', { cookie: false }, { header: true, cookie: false }],
  ['cookie alone', { header: false }, { header: false, cookie: true }],
];

/** The headers of an answer for caches, and those of the application. */
function saidBy({ headers, setCookies }: HttpAnswer): object {
  return {
    caches: Object.keys(headers).filter((name) => /cache-control|surrogate|edge-control|accel-expires/.test(name)),
    isPublic: /public|max-age=[1-9]/.test(headers['cache-control'] ?? ''),
    isStored: !/\bno-store\b/.test(headers['cache-control'] ?? ''),
    theme: setCookies.filter((line) => line.startsWith('theme=')),
    varies: headers.vary?.includes('Accept-Language'),
    exposes: headers['access-control-expose-headers'],
  };
}

describe.each(adapters)('on %s', (adapter) => {
  describe.each(modes)('with a token in %s', (_, delivery, carries) => {
    let app: AuthApp;

    beforeAll(async () => {
      app = await startAuthApp(adapter, {
        controllers: [KindsController],
        providers: [globalGuard, { provide: APP_GUARD, useClass: LaterGuard }],
        options: { delivery },
        configure: ownHeaders,
      });
    });

    afterAll(() => app.close());

    const ask = (path: string, token: string, request: RequestOptions = {}): Promise<HttpAnswer> => {
      const { headers } = carries.header ? bearer(token) : cookie(token);
      return send(`${app.url}/kinds/${path}`, { ...request, headers: { ...request.headers, ...headers } });
    };

    test.each(kinds)(
      '[D3] [D4] [D5] [D9] %s carries the new token, past every cache',
      async (_kind, { path, status, request }) => {
        const { token, claims } = await app.auth.issue({ sub: '1' });
        app.clock.advance(HOUR);

        const answer = await ask(path, token, request);
        const { header, cookie: value } = delivered(answer);

        expect([answer.status, { header: header !== undefined, cookie: value !== undefined }]).toEqual([
          status,
          carries,
        ]);
        const successor = header ?? value ?? '';
        expect([header, value]).toEqual([
          carries.header ? successor : undefined,
          carries.cookie ? successor : undefined,
        ]);
        expect(decodePayload(successor)).toMatchObject({ sid: claims.sid, gen: 1 });
        expect(delivered(await ask('json', token))).toEqual({ header, cookie: value });
        expect(saidBy(answer)).toEqual({
          caches: ['cache-control'],
          isPublic: false,
          isStored: false,
          theme: [OWN['Set-Cookie']],
          varies: true,
          exposes: carries.header ? 'X-Total, Authorization' : 'X-Total',
        });
      },
    );

    test.each(kinds)('[D3] %s without a token is left as the application made it', async (_kind, { path, request }) => {
      const { token } = await app.auth.issue({ sub: '1' });

      const answer = await ask(path, token, request);

      expect([delivered(answer), saidBy(answer)]).toEqual([
        nothing,
        expect.objectContaining({ theme: [OWN['Set-Cookie']], varies: true, exposes: 'X-Total' }),
      ]);
      expect(answer.headers).toMatchObject({ 'cdn-cache-control': 'max-age=600', 'x-accel-expires': '600' });
      // Of events Nest itself says that they are not to be cached.
      expect(answer.headers['cache-control']).toMatch(path === 'sse' ? /no-store/ : /^public/);
    });
  });
});
