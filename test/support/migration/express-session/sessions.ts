import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';

declare module 'express-session' {
  interface SessionData {
    user: { id: string; roles: string[] };
  }
}

const DAY = 86_400_000;

export async function sessions() {
  const client = createClient({ url: process.env.REDIS_URL ?? '' });
  await client.connect();
  return session({
    secret: process.env.SESSION_SECRET ?? '',
    store: new RedisStore({ client }),
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 14 * DAY, httpOnly: true, sameSite: 'lax' },
  });
}
