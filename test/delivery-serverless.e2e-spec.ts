// Delivery where applications run as functions: some of these hosts make responses that never emit `close`.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { delivered } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { invoke, serverlessHosts } from './support/serverless.js';

@Controller()
class MeController {
  @Get('me')
  me(): object {
    return {};
  }
}

describe.each(adapters)('on %s', (adapter) => {
  describe.each(serverlessHosts)('as a function behind %s', (host) => {
    let app: AuthApp;

    beforeAll(async () => {
      app = await startAuthApp(adapter, { controllers: [MeController] });
    });

    afterAll(() => app.close());

    test('[F36] delivers the new token, and keeps no response in memory', async () => {
      const { token } = await mintToken(app.app, { sub: '1' }, { state: 'refreshable' });
      const answer = await invoke(host, app.app, { path: '/me', headers: { authorization: `Bearer ${token}` } });

      const { header = '', cookie } = delivered(answer);
      expect(decodePayload(header)).toMatchObject({ sub: '1', gen: 1 });
      expect(cookie).toBe(header);
      expect(app.app.get(RefreshAuthCore).delivery.sessionsUnderway).toBe(0);
    });
  });
});
