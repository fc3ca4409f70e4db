// Classes of an application that extend ours have their own constructor and their own names.
import { describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, Reflector } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import {
  CurrentUser,
  InjectRefreshAuth,
  RefreshAuthGuard,
  RefreshAuthInterceptor,
  RefreshAuthModule,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { RefreshAuthHealthIndicator } from 'nestjs-refresh-auth/terminus';
import { adapters, startApp } from './support/apps.js';
import { SECRET, startAuthApp } from './support/auth-app.js';
import { bearer } from './support/delivered.js';
import { send } from './support/http.js';

@Injectable()
class UsersService {
  find(id: string): { name: string } {
    return { name: `user ${id}` };
  }
}

@Module({ providers: [UsersService], exports: [UsersService] })
class UsersModule {}

@Injectable()
class UserGuard extends RefreshAuthGuard {
  private readonly core = 'of the application';

  constructor(
    private readonly users: UsersService,
    private readonly reflector: Reflector,
  ) {
    super();
  }

  protected override toUser({ sub }: TokenClaims): unknown {
    return { ...this.users.find(sub), core: this.core, reflects: this.reflector instanceof Reflector };
  }
}

@Injectable()
class AdminGuard extends RefreshAuthGuard.named('admin') {
  constructor(
    private readonly users: UsersService,
    private readonly reflector: Reflector,
  ) {
    super();
  }

  protected override toUser({ sub }: TokenClaims): unknown {
    return { admin: this.users.find(sub).name, reflects: this.reflector instanceof Reflector };
  }
}

@Injectable()
class UserInterceptor extends RefreshAuthInterceptor {
  constructor(readonly core: UsersService) {
    super();
  }
}

@Injectable()
class UserAuthService extends RefreshAuthService<{ name: string }> {
  constructor(private readonly users: UsersService) {
    super();
  }

  async issueFor(id: string): Promise<string> {
    return (await this.issue({ sub: id, ...this.users.find(id) })).token;
  }
}

@Controller()
class WhoController {
  @Get()
  who(@CurrentUser() user: unknown): unknown {
    return user;
  }
}

@Controller()
@UseGuards(AdminGuard)
class AdminController extends WhoController {}

describe.each(adapters)('[F76] on %s, a subclass has its own constructor, `core` and `reflector`', (adapter) => {
  test('of the guard, the interceptor and the service', async () => {
    const app = await startAuthApp(adapter, {
      imports: [UsersModule],
      controllers: [WhoController],
      providers: [
        UserAuthService,
        { provide: APP_GUARD, useClass: UserGuard },
        { provide: APP_INTERCEPTOR, useClass: UserInterceptor },
      ],
    });
    const token = await app.app.get(UserAuthService).issueFor('7');
    app.clock.advance(3_600_000);

    const answer = await send(app.url, bearer(token));
    await app.close();

    expect([answer.status, answer.json()]).toEqual([
      200,
      { name: 'user 7', core: 'of the application', reflects: true },
    ]);
    expect(answer.headers.authorization).toMatch(/^Bearer ey/);
  });

  test('of the guard of a module with a name, where no module is without one', async () => {
    @Injectable()
    class AdminAuth {
      constructor(@InjectRefreshAuth('admin') readonly service: RefreshAuthService<TokenClaims>) {}
    }
    const app = await startApp(adapter, {
      imports: [UsersModule, TerminusModule, RefreshAuthModule.forRoot({ name: 'admin', secret: SECRET })],
      controllers: [AdminController],
      providers: [AdminAuth, RefreshAuthHealthIndicator.named('admin')],
    });
    const { token } = await app.app.get(AdminAuth).service.issue({ sub: '7' });

    const answers = [await send(app.url), await send(app.url, bearer(token))];
    const health = await app.app.get(RefreshAuthHealthIndicator.named('admin')).isHealthy('sessions');
    await app.close();

    expect(answers.map(({ status }) => status)).toEqual([401, 200]);
    expect(answers[1]?.json()).toEqual({ admin: 'user 7', reflects: true });
    expect(health).toEqual({ sessions: { status: 'up' } });
  });

  test('and the guard of a missing module keeps the application from booting', async () => {
    const boot = startApp(adapter, { imports: [UsersModule], controllers: [AdminController] });

    await expect(boot).rejects.toThrow(/AdminGuard.*RefreshAuthModule\.forRoot\(\{ name: 'admin' \}\)/s);
  });
});
