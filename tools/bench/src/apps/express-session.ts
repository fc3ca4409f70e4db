import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
import type { Request, Response } from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { SECRET } from '../support/tokens.js';
import { redisUrl, type Variant } from './variant.js';

declare module 'express-session' {
  interface SessionData {
    userId: string;
  }
}

@Injectable()
class SessionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { userId } = context.switchToHttp().getRequest<Request>().session;
    if (userId === undefined) throw new UnauthorizedException();
    return true;
  }
}

const LOGIN = '/login';

/** One GET and one EXPIRE for each request: the defaults. */
export const expressSession: Variant = {
  providers: [SessionGuard],
  guard: SessionGuard,
  prepare: async (app) => {
    const client = await createClient({ url: redisUrl() }).connect();
    app.use(session({ store: new RedisStore({ client }), secret: SECRET, resave: false, saveUninitialized: false }));
    app.use(LOGIN, (request: Request, response: Response) => {
      request.session.userId = '7d1f4b1a-ada';
      response.end();
    });
  },
  signIn: async (url) => {
    const response = await fetch(`${url}${LOGIN}`);
    return { cookie: (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
  },
};
