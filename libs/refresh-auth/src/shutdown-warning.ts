import { isMainThread } from 'node:worker_threads';

/** The part of the process that shows which signals it handles. */
type Process = Pick<NodeJS.Process, 'listenerCount' | 'env'>;

/**
 * Returns a warning if NestJS cannot run its shutdown hooks: nothing in this process listens for the signals that end it, so one of them ends
 * it at once. An application that closes itself in another way has a listener of its own, for a signal or for messages.
 *
 * Returns none outside production, where processes are ended in other ways, and none in a worker thread, which receives no signals. Call it
 * once the application serves requests, because until then it may still call `enableShutdownHooks()`.
 */
export function missingShutdownHooks(own: Process = process, isMain = isMainThread): string | undefined {
  if (own.env['NODE_ENV'] !== 'production' || !isMain) return undefined;
  const isHandled = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'message'].some((event) => own.listenerCount(event) > 0);
  if (isHandled) return undefined;
  return 'This process handles neither SIGTERM nor SIGINT, so it ends without writing which tokens were used last, and a stolen one is detected later. Call app.enableShutdownHooks() in main.ts.';
}
