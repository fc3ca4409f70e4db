import { afterAll } from '@jest/globals';
import assert from 'node:assert/strict';
import { inspectOutput, takeLeaks } from './leak-watch.js';

// In every suite: what the code under test writes, to whatever it writes, holds no token and no secret. Applications report what they log
// (support/apps.ts), child processes what they print (support/child-process.ts), and answers what they refuse with (support/http.ts).
for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name];
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]): boolean => {
    inspectOutput(name, String(args[0]));
    return write(...args);
  };
}
for (const method of ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const) {
  const write = console[method].bind(console);
  console[method] = (...args: unknown[]): void => {
    inspectOutput(`console.${method}`, ...args);
    write(...args);
  };
}

afterAll(() => {
  assert.deepEqual(takeLeaks(), [], '[G1] written where anybody could read it');
});
