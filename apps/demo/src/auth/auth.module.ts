import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RefreshAuthGuard } from 'nestjs-refresh-auth';
import { UsersModule } from '../users/users.module.js';
import { AuthController } from './auth.controller.js';
import { TokenStateHeaderGuard } from './token-state-header.guard.js';

@Module({
  imports: [UsersModule],
  controllers: [AuthController],
  providers: [
    // Global guards run in this order, on every route.
    { provide: APP_GUARD, useExisting: RefreshAuthGuard },
    { provide: APP_GUARD, useClass: TokenStateHeaderGuard },
  ],
})
export class AuthModule {}
