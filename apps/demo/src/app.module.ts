import { type DynamicModule, Module } from '@nestjs/common';
import { RefreshAuthModule } from 'nestjs-refresh-auth';
import { AdminModule } from './admin/admin.module.js';
import { AuthModule } from './auth/auth.module.js';
import { PublicModule } from './public/public.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import type { Settings } from './settings.js';
import { UsersModule } from './users/users.module.js';

@Module({ imports: [AuthModule, UsersModule, AdminModule, PublicModule] })
export class AppModule {
  static forRoot({ refreshAuth }: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        RefreshAuthModule.forRoot(refreshAuth),
        ...(refreshAuth.sessions === 'tracked' ? [SessionsModule] : []),
      ],
    };
  }
}
