import 'reflect-metadata';
import { RefreshAuthOptionsError } from 'nestjs-refresh-auth';
import { asSettingError, readSettings, SettingError } from './settings.js';
import { startApp } from './start-app.js';

async function bootstrap(): Promise<void> {
  const app = await startApp(readSettings(process.env));
  console.log(`nestjs-refresh-auth demo: ${await app.getUrl()}`);
}

bootstrap().catch((error: unknown) => {
  const reason = error instanceof RefreshAuthOptionsError ? asSettingError(error) : error;
  console.error(reason instanceof SettingError ? reason.message : reason);
  process.exit(1);
});
