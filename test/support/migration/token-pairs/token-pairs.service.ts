import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { User } from './users.js';

const MONTH = 30 * 86_400;

export interface PairClaims {
  sub: string;
  roles: string[];
  /** Names the sign-in. It is in both tokens. */
  jti: string;
  iat: number;
  exp: number;
}

/** Signs and verifies access tokens of 15 minutes and refresh tokens of 30 days. */
@Injectable()
export class TokenPairs implements OnApplicationShutdown {
  readonly #jwt = new JwtService({});
  readonly #redis = new Redis(process.env.REDIS_URL ?? '');

  async begin({ id, roles }: User) {
    const claims = { sub: id, roles, jti: randomUUID() };
    await this.#redis.set(`refresh:${claims.jti}`, id, 'EX', MONTH);
    return {
      accessToken: this.accessToken(claims),
      refreshToken: this.#jwt.sign(claims, { secret: process.env.REFRESH_SECRET ?? '', expiresIn: MONTH }),
    };
  }

  accessToken({ sub, roles, jti }: Pick<PairClaims, 'sub' | 'roles' | 'jti'>): string {
    return this.#jwt.sign({ sub, roles, jti }, { secret: process.env.ACCESS_SECRET ?? '', expiresIn: '15m' });
  }

  async verifyAccess(token: string): Promise<PairClaims | undefined> {
    return this.#verify(token, process.env.ACCESS_SECRET ?? '');
  }

  /** Verifies a refresh token of a sign-in that has not ended. */
  async verifyRefresh(token: string): Promise<PairClaims | undefined> {
    const claims = await this.#verify(token, process.env.REFRESH_SECRET ?? '');
    return claims && (await this.#redis.exists(`refresh:${claims.jti}`)) === 1 ? claims : undefined;
  }

  async end({ jti }: Pick<PairClaims, 'jti'>): Promise<void> {
    await this.#redis.del(`refresh:${jti}`);
  }

  onApplicationShutdown(): void {
    this.#redis.disconnect();
  }

  async #verify(token: string, secret: string): Promise<PairClaims | undefined> {
    return this.#jwt.verifyAsync<PairClaims>(token, { secret, algorithms: ['HS256'] }).catch(() => undefined);
  }
}
