import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RefreshAuthGuard, RefreshAuthModule } from 'nestjs-refresh-auth';
import { AppController } from './app.controller.js';

@Module({
  imports: [
    RefreshAuthModule.forRootAsync({
      useFactory: () => ({
        secret: 'a secret of the application, long enough for HS256',
        redis: process.env['REDIS_URL'],
        // A machine under load is no outage of the store.
        storeTimeout: '30s',
      }),
    }),
  ],
  controllers: [AppController],
  providers: [{ provide: APP_GUARD, useExisting: RefreshAuthGuard }],
})
export class AppModule {}
