// The API of the examples: the demo with short lifetimes and a switch for its store, behind a proxy that notes what was answered.
import { once } from 'node:events';
import { createServer, request as sendRequest } from 'node:http';
import { root } from '../scripts/library.mjs';
import { startProcess } from '../support/child-process.mjs';

/** How long a token is valid, in seconds. */
const EXPIRES_IN = 3;

/** How often the tokens of an example expire at least. */
export const EXPIRIES = 3;

/** How many requests an example sends at once. */
export const STORM = 20;

/** Resolves when every token that exists now has expired. */
export function expiry() {
  return new Promise((resolve) => setTimeout(resolve, (EXPIRES_IN + 0.1) * 1000));
}

/**
 * @typedef {object} Answer
 * @property {string} method
 * @property {string} path
 * @property {number} status
 * @property {string | undefined} state the token state
 * @property {string | undefined} code the code of an error
 */

/** @param {{ delivery: 'cookie' | 'header', trustedOrigins?: string[] }} settings */
export async function startApi({ delivery, trustedOrigins = [] }) {
  const demo = await startProcess(process.execPath, ['dist/apps/demo/main.js'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      TOKEN_EXPIRES_IN: String(EXPIRES_IN),
      TOKEN_REFRESH_WINDOW: '1h',
      TOKEN_DELIVERY: delivery,
      TRUSTED_ORIGINS: trustedOrigins.join(','),
      DEMO_FAULTS: '1',
    },
    ready: /(http:\/\/127\.0\.0\.1:(\d+)).*\n/,
  });
  const demoUrl = demo.match[1];
  /** @type {Answer[]} */
  const answers = [];
  const listeners = new Set();
  const note = (answer) => {
    answers.push(answer);
    for (const listener of listeners) listener(answer);
  };
  const proxy = createServer((request, response) => forward(demoUrl, request, response, note)).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const setStore = async (running) => {
    const init = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ running }) };
    const { status } = await fetch(`${demoUrl}/faults/store`, init);
    if (status !== 200) throw new Error(`The store could not be switched: ${status}`);
  };
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    answers,
    /** Resolves when the API has given an answer of this kind. */
    answered: (isMeant) =>
      new Promise((resolve) => {
        listeners.add(function listen(answer) {
          if (!isMeant(answer)) return;
          listeners.delete(listen);
          resolve(answer);
        });
      }),
    stopStore: () => setStore(false),
    startStore: () => setStore(true),
    async close() {
      proxy.closeAllConnections();
      proxy.close();
      await demo.end('SIGTERM');
    },
  };
}

function forward(demoUrl, request, response, note) {
  const { method, url, headers } = request;
  const sent = sendRequest(demoUrl + url, { method, headers }, (answer) => {
    const noted = {
      method,
      path: url,
      status: answer.statusCode,
      state: answer.headers['x-token-state'],
      code: undefined,
    };
    note(noted);
    response.writeHead(answer.statusCode, answer.headers);
    answer.on('data', (chunk) => {
      if (answer.statusCode >= 400) noted.code = /"code":"(\w+)"/.exec(chunk)?.[1];
    });
    answer.pipe(response);
  });
  sent.on('error', () => response.destroy());
  request.pipe(sent);
}
