import { createSecretKey } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { LRUCache } from 'lru-cache';
import { SECRET } from '../support/tokens.js';
import type { Variant } from './variant.js';

interface Claims {
  readonly exp: number;
}

@Injectable()
class NoOpGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

/** The least that a guard which remembers verified tokens has to do: as fast as one can be. */
@Injectable()
class CachingGuard implements CanActivate {
  readonly #key = createSecretKey(Buffer.from(SECRET));
  readonly #jwt = new JwtService({ secretOrKeyProvider: () => this.#key });
  readonly #verified = new LRUCache<string, Claims>({ max: 10_000 });

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: { authorization?: string }; user?: Claims }>();
    const { authorization = '' } = request.headers;
    if (!authorization.startsWith('Bearer ')) throw new UnauthorizedException();
    const token = authorization.slice('Bearer '.length);
    const claims = this.#verified.get(token) ?? this.#verify(token);
    if (claims.exp * 1000 <= Date.now()) throw new UnauthorizedException();
    request.user = claims;
    return true;
  }

  #verify(token: string): Claims {
    try {
      const claims = this.#jwt.verify<Claims>(token);
      this.#verified.set(token, claims);
      return claims;
    } catch {
      throw new UnauthorizedException();
    }
  }
}

export const noGuard: Variant = {};

export const noOpGuard: Variant = { providers: [NoOpGuard], guard: NoOpGuard };

export const cachingGuard: Variant = { providers: [CachingGuard], guard: CachingGuard };
