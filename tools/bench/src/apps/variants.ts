import type { Variant } from './variant.js';

/** By the name under which a server is started; each loads only what it needs. */
export const VARIANTS: Readonly<Record<string, () => Promise<Variant>>> = {
  'no-guard': async () => (await import('./plain-guards.js')).noGuard,
  'no-op': async () => (await import('./plain-guards.js')).noOpGuard,
  caching: async () => (await import('./plain-guards.js')).cachingGuard,
  'documented-string': async () => (await import('./documented-guard.js')).documentedGuardWithString,
  'documented-key': async () => (await import('./documented-guard.js')).documentedGuardWithKeyObject,
  'passport-jwt': async () => (await import('./passport-jwt.js')).passportJwt,
  'fastify-jwt': async () => (await import('./fastify-jwt.js')).fastifyJwtUncached,
  'fastify-jwt-cached': async () => (await import('./fastify-jwt.js')).fastifyJwtCached,
  'express-session': async () => (await import('./express-session.js')).expressSession,
  pushed: async () => (await import('./refresh-auth.js')).refreshAuth('pushed'),
  'every-request': async () => (await import('./refresh-auth.js')).refreshAuth('every-request'),
};
