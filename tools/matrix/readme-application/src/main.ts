import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { walk } from './walk.js';

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'], abortOnError: false });
  try {
    await walk(app);
  } finally {
    await app.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
