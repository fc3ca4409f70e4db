import { type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import type { ServerResponse } from 'node:http';
import { AppModule } from './app.module.js';
import { openFaults } from './faults/faults.js';
import { acceptEveryJsonBody, createHttpAdapter } from './http-adapters.js';
import { SettingError, type Settings } from './settings.js';

/** Starts the demo and listens. */
export async function startApp(settings: Settings): Promise<INestApplication> {
  const faults = settings.faults ? await openFaults(settings.refreshAuth) : undefined;
  const app = await NestFactory.create(
    AppModule.forRoot(settings, faults),
    createHttpAdapter(settings.httpAdapter),
    // Buffered until the app is up, so that a wrong setting is reported in one line, without a log and a stack.
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
  app.use((_: unknown, response: ServerResponse, next: () => void) => {
    response.setHeader('X-Demo-Process', settings.process.name);
    next();
  });
  app.useWebSocketAdapter(new WsAdapter(app));
  app.enableShutdownHooks();
  await app.init();
  await app.listen(settings.port, settings.host).catch((error: Error) => {
    throw new SettingError('HOST or PORT', 'cannot be listened on', error.message);
  });
  app.flushLogs();
  return app;
}
