import { expect, test } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { makeCore } from '../../../test/support/core.js';
import { noteState, readNotes } from './contexts/request-notes.js';
import { Public } from './decorators/public.js';
import { CORE } from './injected-core.js';
import { RefreshAuthGuard } from './refresh-auth.guard.js';

test('a guard that NestJS has not created says how to register it', () => {
  const context = new ExecutionContextHost([{ headers: {} }, {}], Object, () => undefined);

  expect(() => new RefreshAuthGuard().canActivate(context)).toThrow(/useExisting: RefreshAuthGuard/);
});

test('a public handler of a context that NestJS does not have never sees the user of an earlier message', () => {
  @Public()
  class Bot {}
  const chat = {};
  noteState(chat, { state: 'valid', user: { sub: '1' } });
  const context = new ExecutionContextHost([chat], Bot, () => undefined);
  context.setType('bot');
  const guard = Object.defineProperty(new RefreshAuthGuard(), CORE, { value: makeCore() });

  expect(guard.canActivate(context)).toBe(true);
  expect(readNotes(chat)).toMatchObject({ state: undefined, user: undefined });
});
