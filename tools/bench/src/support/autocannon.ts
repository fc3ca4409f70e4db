// The load generator where wrk is not installed: a process of its own, told by a file what to do.
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import type { Target } from './load.js';

const [, , file = ''] = process.argv;
const { url, headers, tokens, seconds, connections, patience } = JSON.parse(readFileSync(file, 'utf8')) as Target & {
  seconds: number;
  connections: number;
  patience: number;
};

let sent = 0;
const requests = tokens && [
  {
    setupRequest: (request: autocannon.Request): autocannon.Request => ({
      ...request,
      headers: { ...request.headers, authorization: `Bearer ${tokens[sent++ % tokens.length]}` },
    }),
  },
];
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  timeout: patience,
  headers: { ...headers },
  ...(requests ? { requests } : {}),
});
const failures = result.non2xx + result.errors;
if (failures > 0) throw new Error(`The server under load failed ${failures} times`);
