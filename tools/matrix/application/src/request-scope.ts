// NestJS creates a request-scoped provider anew for each request, and with it what depends on it. A guard for every route that it does not
// create at boot must not be missing without a word.
import { deepStrictEqual, match } from 'node:assert';
import { Inject, Injectable, Module, type ModuleMetadata, Scope } from '@nestjs/common';
import { APP_GUARD, ModuleRef, NestFactory } from '@nestjs/core';
import { RefreshAuthGuard, RefreshAuthModule, RefreshAuthService, type TokenClaims } from 'nestjs-refresh-auth';
import { createAdapter } from './adapter.js';
import { AppController } from './app.controller.js';

const secret = 'a secret of the application, long enough for HS256';

@Injectable({ scope: Scope.REQUEST })
class UsersService {
  private calls = 0;

  find(id: string): { sub: string; calls: number } {
    this.calls += 1;
    return { sub: id, calls: this.calls };
  }
}

@Module({ providers: [UsersService], exports: [UsersService] })
class UsersModule {}

@Injectable()
class GuardWithUsers extends RefreshAuthGuard {
  @Inject() readonly users!: UsersService;
}

@Injectable({ scope: Scope.REQUEST })
class RequestScopedGuard extends RefreshAuthGuard {}

@Injectable()
class ResolvingGuard extends RefreshAuthGuard {
  @Inject() readonly moduleRef!: ModuleRef;

  protected override async toUser({ sub }: TokenClaims): Promise<unknown> {
    const users = await this.moduleRef.resolve(UsersService, undefined, { strict: false });
    return users.find(sub);
  }
}

function create({ imports = [RefreshAuthModule.forRoot({ secret })], providers = [] }: ModuleMetadata) {
  @Module({ imports: [UsersModule, ...imports], controllers: [AppController], providers })
  class ScopeModule {}
  return NestFactory.create(ScopeModule, createAdapter(), { logger: false, abortOnError: false });
}

/** Some versions refuse at `create`, the library at `init`. */
async function boot(metadata: ModuleMetadata): Promise<void> {
  const app = await create(metadata);
  try {
    await app.init();
  } finally {
    await app.close();
  }
}

const refused: Record<string, { metadata: ModuleMetadata; message: RegExp }> = {
  'an alias of a guard with a request-scoped property': {
    metadata: { providers: [GuardWithUsers, { provide: APP_GUARD, useExisting: GuardWithUsers }] },
    message: /GuardWithUsers.* depends on .*request-scoped/,
  },
  'a guard with a request-scoped property': {
    metadata: { providers: [{ provide: APP_GUARD, useClass: GuardWithUsers }] },
    message: /GuardWithUsers.* depends on .*request-scoped/,
  },
  'an alias of a request-scoped guard': {
    metadata: { providers: [RequestScopedGuard, { provide: APP_GUARD, useExisting: RequestScopedGuard }] },
    message: /RequestScopedGuard is request-scoped/,
  },
  'a request-scoped guard': {
    metadata: { providers: [{ provide: APP_GUARD, useClass: RequestScopedGuard }] },
    message: /RequestScopedGuard is request-scoped/,
  },
  'a transient guard': {
    metadata: { providers: [{ provide: APP_GUARD, useClass: RefreshAuthGuard, scope: Scope.TRANSIENT }] },
    message: /RefreshAuthGuard is request-scoped or transient/,
  },
  'request-scoped options': {
    metadata: {
      imports: [
        RefreshAuthModule.forRootAsync({
          imports: [UsersModule],
          inject: [UsersService],
          useFactory: () => ({ secret }),
        }),
      ],
      providers: [{ provide: APP_GUARD, useExisting: RefreshAuthGuard }],
    },
    message: /depends on UsersService, which is request-scoped/,
  },
};

async function resolvesInEachRequest(): Promise<void> {
  const app = await create({ providers: [ResolvingGuard, { provide: APP_GUARD, useExisting: ResolvingGuard }] });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const { token } = await app.get(RefreshAuthService).issue({ sub: '1' });
  const headers = { authorization: `Bearer ${token}` };

  deepStrictEqual((await fetch(`${url}/profile`)).status, 401);
  for (const _ of ['first', 'second']) {
    deepStrictEqual(await (await fetch(`${url}/user`, { headers })).json(), { sub: '1', calls: 1 });
  }
  await app.close();
}

export async function checkRequestScope(): Promise<void> {
  for (const [what, { metadata, message }] of Object.entries(refused)) {
    const error = await boot(metadata).then(
      () => 'none',
      (reason: Error) => reason.message,
    );
    match(error, message, `${what} must not boot. Its error: ${error}`);
  }
  await resolvesInEachRequest();
}
