import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { RefreshAuthGuard, RefreshAuthInterceptor } from 'nestjs-refresh-auth';
import { UsersModule } from '../users/users.module.js';
import { AuthController } from './auth.controller.js';
import { TokenStateHeaderGuard } from './token-state-header.guard.js';

@Module({
  imports: [UsersModule],
  controllers: [AuthController],
  providers: [
    // Global guards run on every route, in this order.
    { provide: APP_GUARD, useExisting: RefreshAuthGuard },
    { provide: APP_GUARD, useClass: TokenStateHeaderGuard },
    // Writes the new token as soon as a handler has answered, so that interceptors outside it can see it.
    { provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor },
  ],
})
export class AuthModule {}
