import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { RefreshAuthOptionsError } from 'nestjs-refresh-auth';
import { AppModule } from './app.module.js';
import { acceptEveryJsonBody, createHttpAdapter } from './http-adapters.js';
import { asSettingError, readSettings, SettingError } from './settings.js';

async function bootstrap(): Promise<void> {
  const settings = readSettings(process.env);
  const app = await NestFactory.create(
    AppModule.forRoot(settings),
    createHttpAdapter(settings.httpAdapter),
    // Held back until the app is up, so that a refused setting is one line and not also a log with a stack.
    { logger: ['warn', 'error', 'fatal'], bufferLogs: true, autoFlushLogs: false, abortOnError: false },
  );
  if (settings.trustedOrigins.length > 0) {
    app.enableCors({
      origin: settings.trustedOrigins,
      credentials: true,
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: 'X-Token-State',
    });
  }
  acceptEveryJsonBody(app);
  app.enableShutdownHooks();
  await app.init();
  await app.listen(settings.port, settings.host).catch((error: Error) => {
    throw new SettingError('HOST or PORT', 'cannot be listened on', error.message);
  });
  app.flushLogs();
  console.log(`nestjs-refresh-auth demo: ${await app.getUrl()}`);
}

bootstrap().catch((error: unknown) => {
  const reason = error instanceof RefreshAuthOptionsError ? asSettingError(error) : error;
  console.error(reason instanceof SettingError ? reason.message : reason);
  process.exit(1);
});
