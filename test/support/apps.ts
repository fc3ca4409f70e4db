import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { WatchedLogger } from './watched-logger.js';

/** For `describe.each`: whatever the library does over HTTP, it does the same on both. */
export const adapters = ['express', 'fastify'] as const;

export type Adapter = (typeof adapters)[number];

export interface RunningApp {
  app: INestApplication;
  url: string;
  /** Everything that was logged so far, at every level. */
  logs: readonly string[];
  close(): Promise<void>;
}

/** A small application on a real socket; `configure` runs before it listens, for CORS, global guards and the like. */
export async function startApp(
  adapter: Adapter,
  module: Type | ModuleMetadata,
  configure: (app: INestApplication) => unknown = () => undefined,
): Promise<RunningApp> {
  const metadata = typeof module === 'function' ? { imports: [module] } : module;
  const logger = new WatchedLogger();
  const testing = await Test.createTestingModule(metadata).compile();
  const app = testing.createNestApplication(adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(), {
    logger,
  });
  try {
    await configure(app);
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  return { app, url: await app.getUrl(), logs: logger.lines, close: () => app.close() };
}
