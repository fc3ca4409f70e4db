import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { UserClaims } from 'nestjs-refresh-auth';

/** Authorizes administrators. `RefreshAuthGuard` is global, so it has run before and has set `request.user`. */
@Injectable()
export class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<{ user?: UserClaims }>().user?.type === 'admin';
  }
}
