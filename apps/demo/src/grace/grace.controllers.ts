import { Controller, UseGuards } from '@nestjs/common';
import { InjectRefreshAuth, Public, RefreshAuthGuard, RefreshAuthService } from 'nestjs-refresh-auth';
import { AuthController } from '../auth/auth.controller.js';
import { TokenStateHeaderGuard } from '../auth/token-state-header.guard.js';
import { UsersController } from '../users/users.controller.js';
import { UsersService } from '../users/users.service.js';
import { GRACE } from './grace.js';

// Public for the global guard of the first module. These routes use the guard of their own module.

@Public()
@UseGuards(RefreshAuthGuard.named(GRACE), TokenStateHeaderGuard)
@Controller(`${GRACE}/auth`)
export class GraceAuthController extends AuthController {
  constructor(@InjectRefreshAuth(GRACE) auth: RefreshAuthService, users: UsersService) {
    super(auth, users);
  }
}

@Public()
@UseGuards(RefreshAuthGuard.named(GRACE), TokenStateHeaderGuard)
@Controller(GRACE)
export class GraceUsersController extends UsersController {}
