import { expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { missingShutdownHooks } from './shutdown-warning.js';

const WARNING =
  'This process handles neither SIGTERM nor SIGINT, so it ends without writing which tokens were used last, and a stolen one is detected later. Call app.enableShutdownHooks() in main.ts.';

/** A process in which somebody listens for these events. */
function processOf(mode: string | undefined, ...events: string[]): Parameters<typeof missingShutdownHooks>[0] {
  const emitter = new EventEmitter();
  for (const event of events) emitter.on(event, () => undefined);
  return { env: { NODE_ENV: mode }, listenerCount: (event) => emitter.listenerCount(event) };
}

test('[F82] without app.enableShutdownHooks(), production is warned', () => {
  expect(missingShutdownHooks(processOf('production'))).toBe(WARNING);
  expect(missingShutdownHooks(processOf('production', 'SIGHUP', 'exit'))).toBe(WARNING);
});

test.each(['SIGTERM', 'SIGINT', 'SIGQUIT', 'message'])(
  '[F82] an application that handles %s is not warned',
  (event) => {
    expect(missingShutdownHooks(processOf('production', event))).toBeUndefined();
  },
);

test('[F82] a worker thread, which receives no signals, is not warned', () => {
  expect(missingShutdownHooks(processOf('production'), false)).toBeUndefined();
});

test.each(['development', 'test', undefined])('[F82] nobody is warned in %s', (mode) => {
  expect(missingShutdownHooks(processOf(mode))).toBeUndefined();
});
