import { createSecretKey } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable, UnauthorizedException } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { SECRET } from '../support/tokens.js';
import type { Variant } from './variant.js';

interface Request {
  readonly headers: { readonly authorization?: string };
  user?: unknown;
}

/** As https://docs.nestjs.com/security/authentication has it. */
@Injectable()
class AuthGuard implements CanActivate {
  constructor(@Inject(JwtService) private readonly jwtService: JwtService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const token = this.extractTokenFromHeader(request);
    if (!token) throw new UnauthorizedException();
    try {
      request.user = await this.jwtService.verifyAsync<object>(token);
    } catch {
      throw new UnauthorizedException();
    }
    return true;
  }

  private extractTokenFromHeader(request: Request): string | undefined {
    const [type, token] = request.headers.authorization?.split(' ') ?? [];
    return type === 'Bearer' ? token : undefined;
  }
}

export const documentedGuardWithString: Variant = {
  imports: [JwtModule.register({ secret: SECRET })],
  providers: [AuthGuard],
  guard: AuthGuard,
};

const key = createSecretKey(Buffer.from(SECRET));

export const documentedGuardWithKeyObject: Variant = {
  imports: [JwtModule.register({ secretOrKeyProvider: () => key })],
  providers: [AuthGuard],
  guard: AuthGuard,
};
