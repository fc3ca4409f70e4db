import { Injectable } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { SECRET } from '../support/tokens.js';
import type { Variant } from './variant.js';

/** As https://docs.nestjs.com/recipes/passport has it. */
@Injectable()
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      ignoreExpiration: false,
      secretOrKey: SECRET,
    });
  }

  validate(payload: { sub: string; role: string }): object {
    return { userId: payload.sub, role: payload.role };
  }
}

@Injectable()
class JwtAuthGuard extends AuthGuard('jwt') {}

export const passportJwt: Variant = { providers: [JwtStrategy, JwtAuthGuard], guard: JwtAuthGuard };
