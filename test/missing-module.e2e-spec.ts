// Where the module was not imported, the error of NestJS says what to write, although it knows nothing of the library.
import { expect, test } from '@jest/globals';
import { Controller, Get, Injectable, type ModuleMetadata, UseGuards, UseInterceptors } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  InjectRefreshAuth,
  RefreshAuthGuard,
  RefreshAuthInterceptor,
  RefreshAuthModule,
  RefreshAuthService,
} from 'nestjs-refresh-auth';
import { RefreshAuthHealthIndicator } from 'nestjs-refresh-auth/terminus';
import { SECRET } from './support/auth-app.js';

@UseGuards(RefreshAuthGuard)
@Controller()
class GuardedController {
  @Get()
  get(): void {}
}

@UseGuards(RefreshAuthGuard.named('admin'))
@Controller()
class AdminController {
  @Get()
  get(): void {}
}

@UseInterceptors(RefreshAuthInterceptor)
@Controller()
class InterceptedController {
  @Get()
  get(): void {}
}

@Injectable()
class OwnGuard extends RefreshAuthGuard {}

@Injectable()
class Sessions {
  constructor(@InjectRefreshAuth('admin') readonly auth: RefreshAuthService) {}
}

const ADVICE =
  'RefreshAuthModule: write RefreshAuthModule.forRoot({ secret }) in the imports of the root module; with isGlobal: false, in those of this module too';

test.each<[what: string, module: ModuleMetadata, says: string]>([
  ['@UseGuards', { controllers: [GuardedController] }, ADVICE],
  ['@UseInterceptors', { controllers: [InterceptedController] }, ADVICE],
  ['a global guard by useClass', { providers: [{ provide: APP_GUARD, useClass: RefreshAuthGuard }] }, ADVICE],
  ['a guard that extends ours', { providers: [{ provide: APP_GUARD, useClass: OwnGuard }] }, ADVICE],
  [
    'a global guard by useExisting',
    { providers: [{ provide: APP_GUARD, useExisting: RefreshAuthGuard }] },
    'RefreshAuthGuard',
  ],
  ['the service as a provider', { providers: [RefreshAuthService] }, ADVICE],
  [
    'the guard of a module with a name',
    { controllers: [AdminController] },
    "RefreshAuthModule.forRoot({ name: 'admin' })",
  ],
  ['the service of a module with a name', { providers: [Sessions] }, "RefreshAuthModule.forRoot({ name: 'admin' })"],
  [
    'the health indicator without TerminusModule',
    { imports: [RefreshAuthModule.forRoot({ secret: SECRET })], providers: [RefreshAuthHealthIndicator] },
    'TerminusModule: write it in the imports of this module',
  ],
])('%s without its module does not boot, and the error says what to write', async (_, module, says) => {
  const boot = Test.createTestingModule(module).compile();

  await expect(boot).rejects.toThrow("Nest can't resolve dependencies of the");
  await expect(boot).rejects.toThrow(says);
});
