// A guard that NestJS does not create, or creates more than once, stops the boot.
import { describe, expect, test } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  type INestApplicationContext,
  Inject,
  Injectable,
  Module,
  type ModuleMetadata,
  type OnModuleInit,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, ModuleRef, ModulesContainer, NestFactory, REQUEST } from '@nestjs/core';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  CurrentUser,
  RefreshAuthGuard,
  RefreshAuthModule,
  type RefreshAuthOptions,
  type RefreshAuthOptionsFactory,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { signedInAs } from 'nestjs-refresh-auth/testing';
import { RegisteredGuards } from '../libs/refresh-auth/src/registered-guards.js';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { startApp } from './support/apps.js';
import { type AuthService, globalGuard, SECRET } from './support/auth-app.js';
import { makeCore } from './support/core.js';
import { bearer } from './support/delivered.js';
import { send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { WatchedLogger } from './support/watched-logger.js';

@Injectable({ scope: Scope.REQUEST })
class UsersService {
  readonly #calls: string[] = [];

  find(id: string): { id: string; calls: number } {
    this.#calls.push(id);
    return { id, calls: this.#calls.length };
  }
}

@Injectable()
class Accounts {
  constructor(@Inject(UsersService) readonly users: UsersService) {}
}

/** README's pattern, with something that NestJS creates for each request. */
@Injectable()
class GuardWithUsers extends RefreshAuthGuard {
  @Inject(UsersService) private readonly users!: UsersService;

  protected override toUser({ sub }: TokenClaims): unknown {
    return this.users.find(sub);
  }
}

@Injectable({ scope: Scope.REQUEST })
class RequestScopedGuard extends RefreshAuthGuard {}

@Injectable({ scope: Scope.TRANSIENT })
class TransientGuard extends RefreshAuthGuard {}

@Injectable()
class PlainGuard extends RefreshAuthGuard {}

/** A guard of the application that asks ours. */
@Injectable({ scope: Scope.REQUEST })
class TokenOrKeyGuard implements CanActivate {
  constructor(@Inject(RefreshAuthGuard) private readonly guard: RefreshAuthGuard) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return this.guard.canActivate(context);
  }
}

@Injectable({ scope: Scope.REQUEST })
class TokenOrAccountGuard extends TokenOrKeyGuard {
  constructor(
    @Inject(RefreshAuthGuard) guard: RefreshAuthGuard,
    @Inject(Accounts) readonly accounts: Accounts,
  ) {
    super(guard);
  }
}

/** One that has nothing to do with ours. */
@Injectable({ scope: Scope.REQUEST })
class TenantGuard implements CanActivate {
  constructor(@Inject(UsersService) readonly users: UsersService) {}

  canActivate(): boolean {
    return true;
  }
}

@Controller()
class WhoController {
  @Get('who')
  who(@CurrentUser() user: unknown): unknown {
    return { user };
  }
}

@Module({ providers: [UsersService, Accounts], exports: [UsersService, Accounts] })
class UsersModule {}

const plain = (): DynamicModule => RefreshAuthModule.forRoot({ secret: SECRET });

/** Boots as an application does. @returns the message with which the boot stops; `undefined` if it does not */
async function bootError(
  metadata: ModuleMetadata,
  prepare: (builder: TestingModuleBuilder) => TestingModuleBuilder = (builder) => builder,
): Promise<string | undefined> {
  const builder = prepare(Test.createTestingModule({ controllers: [WhoController], ...metadata }));
  let app: INestApplicationContext | undefined;
  try {
    const testing = await builder.setLogger(new WatchedLogger()).compile();
    app = testing.createNestApplication();
    await app.init();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await app?.close();
  }
}

const NOT_GUARDING = 'RefreshAuthGuard does not guard every route: ';
const SCOPED = `is request-scoped or transient. NestJS runs a global guard everywhere only if it is created once, at boot. Remove the scope from `;

describe('a global guard that is not created once stops the boot', () => {
  test.each<[name: string, guard: string, metadata: ModuleMetadata]>([
    [
      'useExisting of a request-scoped guard',
      'RequestScopedGuard',
      { providers: [RequestScopedGuard, { provide: APP_GUARD, useExisting: RequestScopedGuard }] },
    ],
    [
      'useClass of a request-scoped guard',
      'RequestScopedGuard',
      { providers: [{ provide: APP_GUARD, useClass: RequestScopedGuard }] },
    ],
    [
      'useExisting of a transient guard',
      'TransientGuard',
      { providers: [TransientGuard, { provide: APP_GUARD, useExisting: TransientGuard }] },
    ],
    [
      'useClass of a transient guard',
      'TransientGuard',
      { providers: [{ provide: APP_GUARD, useClass: TransientGuard }] },
    ],
    [
      'useClass with a scope',
      'RefreshAuthGuard',
      { providers: [{ provide: APP_GUARD, useClass: RefreshAuthGuard, scope: Scope.REQUEST }] },
    ],
    [
      'useFactory with a scope',
      'RefreshAuthGuard',
      {
        providers: [
          {
            provide: APP_GUARD,
            useFactory: (guard: RefreshAuthGuard) => guard,
            inject: [RefreshAuthGuard],
            scope: Scope.TRANSIENT,
          },
        ],
      },
    ],
    [
      'an alias of an alias',
      'RequestScopedGuard',
      {
        providers: [
          RequestScopedGuard,
          { provide: 'guard', useExisting: RequestScopedGuard },
          { provide: APP_GUARD, useExisting: 'guard', scope: Scope.REQUEST },
        ],
      },
    ],
    [
      'a guard of the application that asks ours',
      'TokenOrKeyGuard',
      { providers: [{ provide: APP_GUARD, useClass: TokenOrKeyGuard }] },
    ],
    [
      'beside one that is created once',
      'RequestScopedGuard',
      { providers: [globalGuard, { provide: APP_GUARD, useClass: RequestScopedGuard }] },
    ],
    [
      'in a module that is imported',
      'RequestScopedGuard',
      {
        imports: [{ module: UsersModule, providers: [{ provide: APP_GUARD, useClass: RequestScopedGuard }] }],
      },
    ],
  ])('[F1] %s', async (_, guard, { imports = [], ...metadata }) => {
    expect(await bootError({ imports: [plain(), ...imports], ...metadata })).toBe(
      `${NOT_GUARDING}${guard} ${SCOPED}${guard} and from its APP_GUARD provider. For what is request-scoped, inject ModuleRef and call moduleRef.resolve() in each request.`,
    );
  });

  test('[F1] the guard of a module with a name', async () => {
    const guard = RefreshAuthGuard.named('admin');
    const imports = [RefreshAuthModule.forRoot({ secret: SECRET, name: 'admin' })];

    expect(
      await bootError({ imports, providers: [{ provide: APP_GUARD, useClass: guard, scope: Scope.REQUEST }] }),
    ).toContain('NamedRefreshAuthGuard is request-scoped or transient');
  });

  test('[F1] names the request-scoped provider, and the way to it', async () => {
    const providers = [{ provide: APP_GUARD, useClass: TokenOrAccountGuard }];

    expect(await bootError({ imports: [plain(), UsersModule], providers })).toBe(
      `${NOT_GUARDING}TokenOrAccountGuard depends on UsersService, which is request-scoped (TokenOrAccountGuard -> Accounts -> UsersService). NestJS runs a global guard everywhere only if it is created once, at boot. Inject ModuleRef instead, and call moduleRef.resolve() in each request for what is request-scoped.`,
    );
  });

  // NestJS 12.5 refuses these before the library is asked. In `npm run test:matrix` the library has to, on the versions that do not.
  test.each<[name: string, metadata: ModuleMetadata]>([
    ['useExisting', { providers: [GuardWithUsers, { provide: APP_GUARD, useExisting: GuardWithUsers }] }],
    ['useClass', { providers: [{ provide: APP_GUARD, useClass: GuardWithUsers }] }],
  ])('[F1] a guard with a request-scoped property, by %s', async (_, metadata) => {
    expect(await bootError({ imports: [plain(), UsersModule], ...metadata })).toMatch(
      /GuardWithUsers.* depends on .*request-scoped/,
    );
  });

  test('[F1] in an application without HTTP', async () => {
    @Module({ imports: [plain()], providers: [{ provide: APP_GUARD, useClass: RequestScopedGuard }] })
    class Root {}

    await expect(
      NestFactory.createApplicationContext(Root, { logger: new WatchedLogger(), abortOnError: false }),
    ).rejects.toThrow(`${NOT_GUARDING}RequestScopedGuard`);
  });

  test('[F1] a guard that NestJS has not created for another reason', async () => {
    /** Puts a bare prototype in the place of the guard, as NestJS does with what it cannot construct. */
    @Injectable()
    class Saboteur implements OnModuleInit {
      constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

      onModuleInit(): void {
        for (const [token, provider] of [...this.modules.values()].flatMap(({ providers }) => [...providers])) {
          if (String(token).startsWith(APP_GUARD)) provider.instance = Object.create(PlainGuard.prototype) as object;
        }
      }
    }
    const providers = [PlainGuard, { provide: APP_GUARD, useExisting: PlainGuard }, Saboteur];

    expect(await bootError({ imports: [plain()], providers })).toBe(
      `${NOT_GUARDING}NestJS has not created PlainGuard. NestJS runs a global guard everywhere only if it is created once, at boot. Register it as { provide: APP_GUARD, useExisting: PlainGuard }.`,
    );
  });
});

describe('a core for each request stops the boot', () => {
  @Injectable({ scope: Scope.REQUEST, durable: true })
  class Tenant {}

  @Injectable()
  class TenantOptions implements RefreshAuthOptionsFactory {
    @Inject(UsersService) readonly users!: UsersService;

    create(): RefreshAuthOptions {
      return { secret: SECRET };
    }
  }

  const useFactory = (): RefreshAuthOptions => ({ secret: SECRET });
  const scoped = (name?: string): DynamicModule =>
    RefreshAuthModule.forRootAsync({ name, imports: [UsersModule], inject: [UsersService], useFactory });
  const error = (name: string): string =>
    `RefreshAuthModule cannot start: it depends on ${name}, which is request-scoped, so that each request would have sessions and revocations of its own. Inject only singletons into RefreshAuthModule.forRootAsync().`;

  @UseGuards(RefreshAuthGuard)
  @Controller()
  class GuardedController {
    @Get()
    get(): void {}
  }

  test.each<[name: string, cause: string, metadata: ModuleMetadata]>([
    ['with the guard for every route', 'UsersService', { imports: [scoped()], providers: [globalGuard] }],
    ['with the guard on a route', 'UsersService', { imports: [scoped()], controllers: [GuardedController] }],
    ['without any guard', 'UsersService', { imports: [scoped()] }],
    ['of a module with a name', 'UsersService', { imports: [scoped('admin')] }],
    ['beside a module that is well', 'UsersService', { imports: [plain(), scoped('admin')] }],
    ['beside a module that is well, and comes later', 'UsersService', { imports: [scoped('admin'), plain()] }],
    [
      'through a provider in between',
      'UsersService',
      { imports: [RefreshAuthModule.forRootAsync({ imports: [UsersModule], inject: [Accounts], useFactory })] },
    ],
    [
      'through a class with options',
      'UsersService',
      { imports: [RefreshAuthModule.forRootAsync({ imports: [UsersModule], useClass: TenantOptions })] },
    ],
    [
      'by the request itself',
      'REQUEST',
      { imports: [RefreshAuthModule.forRootAsync({ inject: [REQUEST], useFactory })] },
    ],
    [
      'for each tenant',
      'Tenant',
      {
        imports: [
          RefreshAuthModule.forRootAsync({
            imports: [{ module: UsersModule, providers: [Tenant], exports: [Tenant] }],
            inject: [Tenant],
            useFactory,
          }),
        ],
      },
    ],
  ])('[F1] %s', async (_, cause, metadata) => {
    expect(await bootError(metadata)).toBe(error(cause));
  });
});

describe('boots', () => {
  const fake = signedInAs({ sub: '7' });
  @Injectable()
  class FakeGuard implements CanActivate {
    canActivate(): boolean {
      return true;
    }
  }

  test.each<[name: string, metadata: ModuleMetadata]>([
    ['useExisting', { providers: [globalGuard] }],
    ['useClass', { providers: [{ provide: APP_GUARD, useClass: PlainGuard }] }],
    ['useFactory', { providers: [{ ...globalGuard, useFactory: (g: unknown) => g, inject: [RefreshAuthGuard] }] }],
    [
      'a factory that leaves the guard out on purpose',
      { providers: [{ provide: APP_GUARD, useFactory: () => undefined, inject: [RefreshAuthGuard] }] },
    ],
    [
      'a request-scoped global guard that is not ours',
      { imports: [UsersModule], providers: [globalGuard, { provide: APP_GUARD, useClass: TenantGuard }] },
    ],
  ])('[F1] %s', async (_, { imports = [], ...metadata }) => {
    expect(await bootError({ imports: [plain(), ...imports], ...metadata })).toBeUndefined();
  });

  const guards = [RequestScopedGuard, { provide: APP_GUARD, useExisting: RequestScopedGuard }];
  test.each<[name: string, metadata: ModuleMetadata, prepare: (builder: TestingModuleBuilder) => TestingModuleBuilder]>(
    [
      [
        'a guard that a test replaced by a value',
        { imports: [UsersModule], providers: [GuardWithUsers, { provide: APP_GUARD, useExisting: GuardWithUsers }] },
        (builder) => builder.overrideProvider(GuardWithUsers).useValue(fake),
      ],
      [
        'a guard that a test replaced by a class',
        { providers: guards },
        (builder) => builder.overrideProvider(RequestScopedGuard).useClass(FakeGuard),
      ],
      [
        'a guard that a test replaced by a factory',
        { providers: guards },
        (builder) => builder.overrideProvider(RequestScopedGuard).useFactory({ factory: () => fake }),
      ],
    ],
  )('[F1] %s', async (_, { imports = [], ...metadata }, prepare) => {
    expect(await bootError({ imports: [plain(), ...imports], ...metadata }, prepare)).toBeUndefined();
  });

  test('[F1] a core that a test replaced', async () => {
    const refreshAuth = RefreshAuthModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: () => ({ secret: SECRET }),
    });

    expect(
      await bootError({ imports: [refreshAuth] }, (builder) =>
        builder.overrideProvider(RefreshAuthCore).useValue(makeCore()),
      ),
    ).toBeUndefined();
  });

  test('[F1] guards of useGlobalGuards', async () => {
    const { url, close } = await startApp(
      'express',
      { imports: [plain()], controllers: [WhoController] },
      async (app) => app.useGlobalGuards(app.get(RefreshAuthGuard)),
    );
    const answer = await send(`${url}/who`);
    await close();

    expect(refusal(answer)).toEqual(dead('token_missing'));
  });

  test('[F1] a request-scoped guard of a route, which NestJS creates for each request', async () => {
    @UseGuards(GuardWithUsers)
    @Controller()
    class GuardedController extends WhoController {}
    const { app, url, close } = await startApp('express', {
      imports: [plain(), UsersModule],
      controllers: [GuardedController],
    });
    const { token } = await app.get<AuthService>(RefreshAuthService).issue({ sub: '1' });
    const answers = [await send(`${url}/who`), await send(`${url}/who`, bearer(token))];
    await close();

    expect(answers.map(({ status }) => status)).toEqual([401, 200]);
    expect(answers[1]?.json()).toEqual({ user: { id: '1', calls: 1 } });
  });

  test('[F1] with a global guard that resolves request-scoped providers as the error advises', async () => {
    @Injectable()
    class ResolvingGuard extends RefreshAuthGuard {
      @Inject(ModuleRef) private readonly moduleRef!: ModuleRef;

      protected override async toUser({ sub }: TokenClaims): Promise<unknown> {
        const users = await this.moduleRef.resolve(UsersService, undefined, { strict: false });
        return users.find(sub);
      }
    }
    const { app, url, close } = await startApp('express', {
      imports: [plain(), UsersModule],
      controllers: [WhoController],
      providers: [ResolvingGuard, { provide: APP_GUARD, useExisting: ResolvingGuard }],
    });
    const { token } = await app.get<AuthService>(RefreshAuthService).issue({ sub: '1' });
    const answers = [
      await send(`${url}/who`),
      await send(`${url}/who`, bearer(token)),
      await send(`${url}/who`, bearer(token)),
    ];
    await close();

    expect(answers.map(({ status }) => status)).toEqual([401, 200, 200]);
    expect(answers.slice(1).map((answer) => answer.json())).toEqual([
      { user: { id: '1', calls: 1 } },
      { user: { id: '1', calls: 1 } },
    ]);
  });
});

describe('an unknown version of NestJS', () => {
  /** Changes what NestJS says of its providers, and has it checked again. */
  const checkAfter = (change: (modules: ModulesContainer) => void): Promise<string | undefined> => {
    @Injectable()
    class OtherNest implements OnModuleInit {
      constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

      onModuleInit(): void {
        change(this.modules);
        new RegisteredGuards(this.modules).onModuleInit();
      }
    }
    return bootError({ imports: [plain()], providers: [OtherNest] });
  };

  test('[F1] stops the boot if global providers are not found', async () => {
    const error = await checkAfter((modules) => {
      for (const { providers } of modules.values()) {
        for (const token of providers.keys()) if (String(token).startsWith(APP_FILTER)) providers.delete(token);
      }
    });

    expect(error).toMatch(
      /^RefreshAuthModule cannot check on this version of NestJS that its guards are created\. Use /,
    );
  });

  test('[F1] stops the boot if the dependencies of a provider are not known', async () => {
    const error = await checkAfter((modules) => {
      for (const provider of [...modules.values()].flatMap(({ providers }) => [...providers.values()])) {
        provider.getCtorMetadata = () => [];
      }
    });

    expect(error).toMatch(
      /^RefreshAuthModule cannot check on this version of NestJS that its guards are created\. Use /,
    );
  });

  test('[F1] stops the boot if the core was not created', async () => {
    const error = await checkAfter((modules) => {
      for (const { providers } of modules.values()) {
        const core = providers.get(RefreshAuthCore);
        if (core) core.instance = null;
      }
    });

    expect(error).toBe('RefreshAuthModule cannot start: NestJS has not created its core.');
  });
});
