import fastifyJwt from '@fastify/jwt';
import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SECRET } from '../support/tokens.js';
import type { Variant } from './variant.js';

@Injectable()
class FastifyJwtGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      await context.switchToHttp().getRequest<{ jwtVerify(): Promise<object> }>().jwtVerify();
    } catch {
      throw new UnauthorizedException();
    }
    return true;
  }
}

function fastifyJwtVariant(cache: boolean): Variant {
  return {
    providers: [FastifyJwtGuard],
    guard: FastifyJwtGuard,
    prepare: async (app) => {
      await (app as NestFastifyApplication).register(fastifyJwt, { secret: SECRET, verify: { cache } });
    },
  };
}

export const fastifyJwtUncached = fastifyJwtVariant(false);

export const fastifyJwtCached = fastifyJwtVariant(true);
