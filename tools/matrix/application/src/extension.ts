// A guard of an application has its own constructor and its own names. NestJS 11.0 injects what a class and its base both ask for twice, which
// must not make a module with a name need one without.
import { deepStrictEqual } from 'node:assert';
import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import {
  CurrentUser,
  InjectRefreshAuth,
  RefreshAuthGuard,
  RefreshAuthModule,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { RefreshAuthHealthIndicator } from 'nestjs-refresh-auth/terminus';
import { createAdapter } from './adapter.js';

@Injectable()
class UsersService {
  find(id: string): { name: string } {
    return { name: `user ${id}` };
  }
}

@Injectable()
class AdminGuard extends RefreshAuthGuard.named('admin') {
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

@Controller()
@UseGuards(AdminGuard)
class AdminController {
  constructor(@InjectRefreshAuth('admin') readonly auth: RefreshAuthService) {}

  @Get()
  who(@CurrentUser() user: unknown): unknown {
    return user;
  }
}

@Module({
  imports: [
    TerminusModule,
    RefreshAuthModule.forRoot({ name: 'admin', secret: 'a secret of the application, long enough for HS256' }),
  ],
  controllers: [AdminController],
  providers: [UsersService, RefreshAuthHealthIndicator.named('admin')],
})
class AdminModule {}

export async function checkExtension(): Promise<void> {
  const app = await NestFactory.create(AdminModule, createAdapter(), { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const { token } = await app.get(AdminController).auth.issue({ sub: '7' });

  deepStrictEqual((await fetch(url)).status, 401);
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  deepStrictEqual(await answer.json(), { name: 'user 7', core: 'of the application', reflects: true });
  const health = await app.get(RefreshAuthHealthIndicator.named('admin')).isHealthy('sessions');
  deepStrictEqual(health, { sessions: { status: 'up' } });
  await app.close();
}
