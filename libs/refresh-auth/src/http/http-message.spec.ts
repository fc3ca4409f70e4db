import { describe, expect, test } from '@jest/globals';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import {
  appendToList,
  isGone,
  rawRequest,
  type RawResponse,
  rawResponse,
  requestOf,
  setHeader,
} from './http-message.js';

function connection() {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const reply = {
    raw: response,
    request: { raw: request },
    headers: new Map<string, string | string[]>(),
    header(name: string, value: string | string[]) {
      this.headers.set(name.toLowerCase(), value);
    },
    getHeader(name: string) {
      return this.headers.get(name.toLowerCase());
    },
  };
  return { request, response, reply };
}

test('the Node.js request and response are found, however they are wrapped', () => {
  const { request, response, reply } = connection();

  expect(rawRequest(request)).toBe(request);
  expect(rawRequest(reply.request)).toBe(request);
  expect(rawResponse(response)).toBe(response);
  expect(rawResponse(reply)).toBe(response);
});

test.each<[string, unknown]>([
  ['its body as text', 'body'],
  ['its body as bytes', Buffer.from('body')],
  ['nothing', null],
  ['a body that looks like a request', { headers: { cookie: 'of the body' }, rawHeaders: [], setHeader: 1 }],
])('a Node.js request and its response are themselves, whatever middleware keeps in `raw`: %s', (_, raw) => {
  const { request, response } = connection();
  Object.assign(request, { raw });
  Object.assign(response, { raw, request: raw });

  expect(rawRequest(request)).toBe(request);
  expect(rawResponse(response)).toBe(response);
  expect(requestOf(response)).toBe(request);
  setHeader(response, 'X-A', '1');
  expect(response.getHeader('X-A')).toBe('1');
});

test('a response knows its request, on Express and on Fastify', () => {
  const { request, response, reply } = connection();

  expect(requestOf(response)).toBe(request);
  expect(requestOf(reply)).toBe(reply.request);
});

test('a header is set so that the handlers of the framework see it', () => {
  const { response, reply } = connection();
  setHeader(response, 'X-A', '1');
  setHeader(reply, 'X-B', '2');

  expect({ ...response.getHeaders() }).toEqual({ 'x-a': '1' });
  expect([...reply.headers]).toEqual([['x-b', '2']]);
});

test('a header is not set after the headers were sent', () => {
  const { response, reply } = connection();
  response.writeHead(200);

  for (const target of [response, reply]) setHeader(target, 'X-A', '1');

  expect([{ ...response.getHeaders() }, [...reply.headers]]).toEqual([{}, []]);
});

test.each<[string, Partial<RawResponse>, boolean]>([
  ['of HTTP/1 whose client waits', { destroyed: false }, false],
  ['of HTTP/1 whose client has hung up', { destroyed: true }, true],
  ['of HTTP/2 whose client waits', { stream: { destroyed: false } }, false],
  ['of HTTP/2 whose client has hung up', { stream: { destroyed: true } }, true],
  ['that says nothing of it', {}, false],
])('a response %s is gone: %s', (_, raw, gone) => {
  expect(isGone(raw as RawResponse)).toBe(gone);
});

describe('[D5] a list in a header', () => {
  test.each([
    [undefined, 'Authorization'],
    ['', 'Authorization'],
    ['X-Total', 'X-Total, Authorization'],
    ['X-Total,X-Page', 'X-Total,X-Page, Authorization'],
    [['X-Total', 'X-Page'], 'X-Total, X-Page, Authorization'],
    ['Authorization', 'Authorization'],
    ['x-total, AUTHORIZATION', 'x-total, AUTHORIZATION'],
    ['Proxy-Authorization', 'Proxy-Authorization, Authorization'],
    ['*', '*, Authorization'],
  ])('%j becomes %j', (before, after) => {
    for (const target of [connection().response, connection().reply]) {
      const set = (value: string | string[]) =>
        'raw' in target ? target.header('Expose', value) : target.setHeader('Expose', value);
      if (before !== undefined) set(before);

      appendToList(target, 'Expose', 'Authorization');

      expect(target.getHeader('Expose')).toEqual(after);
    }
  });
});
