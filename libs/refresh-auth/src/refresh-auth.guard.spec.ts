import { expect, test } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { RefreshAuthGuard } from './refresh-auth.guard.js';

test('a guard that NestJS has not created says how to register it', () => {
  const context = new ExecutionContextHost([{ headers: {} }, {}], Object, () => undefined);

  expect(() => new RefreshAuthGuard().canActivate(context)).toThrow(/useExisting: RefreshAuthGuard/);
});
