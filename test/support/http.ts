import { Agent, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspectOutput } from './leak-watch.js';

const ANSWER_LIMIT_MS = 10_000;

export interface RequestOptions {
  method?: string;
  /** Sent as it stands, in place of the URL's path. */
  path?: string;
  /** Each value of an array is a line of its own, also for `Cookie`, which node would join. A header that is `undefined` is left out. */
  headers?: OutgoingHttpHeaders;
  /** A string is sent as it stands, an object as JSON. */
  body?: string | object;
  /** Without one, each request has a connection of its own. */
  agent?: Agent;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  setCookies: string[];
  body: string;
  json(): unknown;
}

/**
 * One request over a real socket. Neither `fetch` nor supertest would do: they merge duplicate headers, refuse or rewrite
 * some of the odd ones, and follow redirects.
 */
export async function send(url: string, { body, ...options }: RequestOptions = {}): Promise<HttpAnswer> {
  const content = typeof body === 'object' ? JSON.stringify(body) : body;
  const headers = headerLines({
    host: new URL(url).host,
    ...(content !== undefined && { 'content-length': Buffer.byteLength(content) }),
    ...(typeof body === 'object' && { 'content-type': 'application/json' }),
    ...withLowerCaseNames(options.headers ?? {}),
  });

  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent: false, ...options, headers, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }, resolve)
      .once('error', reject)
      .end(content);
  });
  const answer = await text(response);
  if ((response.statusCode ?? 0) >= 400) inspectOutput(`answer ${response.statusCode}`, answer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    setCookies: response.headers['set-cookie'] ?? [],
    body: answer,
    json: () => JSON.parse(answer) as unknown,
  };
}

function withLowerCaseNames(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Names and values in turn, the only form that node sends as it stands. */
function headerLines(headers: OutgoingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((line) => [name, String(line)]),
  );
}

/** Kept-alive connections for a storm, at most `count` at once; the test destroys them. */
export function connections(count: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: count });
}

/**
 * Sends bytes that `node:http` refuses to send, and gives back what the server sent until it closed the connection:
 * a well-formed request has to say `Connection: close`.
 */
export function rawRequest(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    let received = '';
    let failure = new Error('The server closed the connection without an answer');
    socket.setTimeout(ANSWER_LIMIT_MS, () => {
      reject(new Error(`The server left the connection open for ${ANSWER_LIMIT_MS} ms, after:\n${received}`));
      socket.destroy();
    });
    socket.on('data', (chunk: string) => (received += chunk));
    // A server that refuses what it has not read to the end resets the connection: its answer counts all the same.
    socket.on('error', (error) => (failure = error));
    socket.on('close', () => (received === '' ? reject(failure) : resolve(received)));
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  });
}
