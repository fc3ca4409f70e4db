// Applications that are sent requests without a server, as their own tests do it; in a process of its own, since Jest cannot load what
// light-my-request needs. Prints the status of each answer, as JSON.
import 'reflect-metadata';
import inject from 'light-my-request';
import { readSettings } from '../../dist/apps/demo/settings.js';
import { startApp } from '../../dist/apps/demo/start-app.js';

const [adapter] = process.argv.slice(2);
const app = await startApp(readSettings({ PORT: '0', HTTP_ADAPTER: adapter }));
const instance = app.getHttpAdapter().getInstance();
const listener = typeof instance === 'function' ? instance : instance.routing;
const answers = {};

async function ask(name, url, headers, payload) {
  const { statusCode, cookies } = await inject(listener, { method: 'POST', url, headers, payload });
  answers[name] = statusCode;
  return cookies.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ');
}

const user = { username: 'ada', password: 'lovelace' };
const foreign = { origin: 'https://attacker.example' };
const own = { origin: 'https://demo.example', host: 'demo.example' };

const cookie = await ask('sign-in of no browser', '/auth/login', {}, user);
await ask('sign-in of its own', '/auth/login', own, user);
await ask('sign-in of another site', '/auth/login', foreign, user);
await ask('sign-out of another site', '/auth/logout', { cookie, ...foreign });
await ask('sign-out of two', '/auth/logout', { cookie, ...own, origin: [own.origin, foreign.origin] });
await ask('sign-out of its own', '/auth/logout', { cookie, ...own });
await app.close();
console.log(JSON.stringify(answers));
