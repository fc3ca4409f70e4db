// A process of its own: one platform, one variant, one small route. Told over IPC to report what its requests have cost.
import 'reflect-metadata';
import type { Server } from 'node:http';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import type { Variant } from './variant.js';
import { VARIANTS } from './variants.js';

/** Printed once, as JSON after the word `ready`, when the server listens. */
export interface Ready {
  readonly url: string;
  /** Where the variant has credentials of its own. */
  readonly headers?: Record<string, string>;
}

/** Sent in answer to any message. */
export interface Counters {
  readonly requests: number;
  /** CPU time of all threads, user and system, in microseconds. */
  readonly cpu: number;
}

@Controller()
class HelloController {
  @Get()
  hello(): { hello: string } {
    return { hello: 'world' };
  }
}

@Module({})
class AppModule {}

async function createApp(
  platform: string,
  { imports = [], providers = [], guard }: Variant,
): Promise<INestApplication> {
  const module = {
    module: AppModule,
    imports: [...imports],
    controllers: [HelloController],
    providers: [...providers, ...(guard ? [{ provide: APP_GUARD, useExisting: guard }] : [])],
  };
  return NestFactory.create(module, await createAdapter(platform), { logger: ['error'] });
}

async function createAdapter(platform: string) {
  if (platform === 'express') return new (await import('@nestjs/platform-express')).ExpressAdapter();
  return new (await import('@nestjs/platform-fastify')).FastifyAdapter();
}

async function listen(app: INestApplication, { prepare, signIn }: Variant): Promise<Ready> {
  await prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const headers = await signIn?.(url);
  return headers ? { url, headers } : { url };
}

const [, , platform = '', name = ''] = process.argv;
const variant = await VARIANTS[name]?.();
if (!variant) throw new Error(`There is no variant ${name}`);
const app = await createApp(platform, variant);
const ready = await listen(app, variant);

let requests = 0;
(app.getHttpServer() as Server).on('request', () => requests++);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ requests, cpu: user + system } satisfies Counters);
});
console.log(`ready ${JSON.stringify(ready)}`);
