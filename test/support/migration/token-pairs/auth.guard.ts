import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { type PairClaims, TokenPairs } from './token-pairs.service.js';

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly tokens: TokenPairs) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request & { user?: PairClaims }>();
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    const claims = await this.tokens.verifyAccess(token);
    if (!claims) throw new UnauthorizedException();
    request.user = claims;
    return true;
  }
}
