import { type DynamicModule, Module } from '@nestjs/common';
import { RefreshAuthModule, type RefreshAuthOptions } from 'nestjs-refresh-auth';
import { AdminModule } from './admin/admin.module.js';
import { AuthModule } from './auth/auth.module.js';
import { FaultsModule } from './faults/faults.module.js';
import type { StoreFaults } from './faults/store-faults.js';
import { GRACE, gracePolicy } from './grace/grace.js';
import { GraceModule } from './grace/grace.module.js';
import { LiveModule } from './live/live.module.js';
import { PageModule } from './page/page.module.js';
import { PublicModule } from './public/public.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import type { Settings } from './settings.js';
import { UsersModule } from './users/users.module.js';

@Module({ imports: [AuthModule, UsersModule, AdminModule, PublicModule, LiveModule] })
export class AppModule {
  /** @param faults the switch between the demo and its store, if `DEMO_FAULTS` is on */
  static forRoot(settings: Settings, faults?: StoreFaults): DynamicModule {
    const { refreshAuth } = settings;
    const throughFaults = (options: RefreshAuthOptions) => faults?.through(options) ?? options;
    return {
      module: AppModule,
      imports: [
        RefreshAuthModule.forRoot(throughFaults(refreshAuth)),
        PageModule.forRoot(settings, faults),
        ...(settings.grace
          ? [RefreshAuthModule.forRoot({ ...throughFaults(gracePolicy(refreshAuth)), name: GRACE }), GraceModule]
          : []),
        ...(refreshAuth.sessions === 'tracked' ? [SessionsModule] : []),
        ...(faults ? [FaultsModule.forRoot(faults)] : []),
      ],
    };
  }
}
