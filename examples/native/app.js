// Stands for the app on a phone: each start of the program is a start of the app. Reads commands, one a line, and prints what came of them.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { connect } from './api.js';

const [url, file] = process.argv.slice(2);

/** Asynchronous, as AsyncStorage is. */
const storage = {
  getItem: () => readFile(file, 'utf8').catch(() => null),
  setItem: (_, value) => writeFile(file, value),
  removeItem: () => rm(file, { force: true }),
};

const { auth, api } = connect(url, storage);
const json = (body) => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

const commands = {
  'sign-in': async () => (await api('/auth/login', json({ username: 'ada', password: 'lovelace' }))).status,
  load: async () => (await api('/me')).status,
  storm: async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, () => api('/me')));
    return responses.filter(({ ok }) => ok).length;
  },
  'sign-out': async () => (await auth.signOut(`${url}/auth/logout`)).status,
};

await auth.ready;
console.log(auth.token === undefined ? 'signed out' : 'signed in');
for await (const line of createInterface({ input: process.stdin })) console.log(await commands[line]());
