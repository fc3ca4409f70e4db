// The HTTP client of the tests sends and receives bytes as they stand.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connections, rawRequest, send } from './http.js';

interface Echo {
  method: string;
  url: string;
  lines: string[];
  body: string;
}

const server = createServer((request: IncomingMessage, response) => {
  void text(request).then((body) => {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.end(JSON.stringify({ method: request.method, url: request.url, lines: linesOf(request), body }));
  });
});
let sockets = 0;
let port: number;
let url: string;

function linesOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []));
}

beforeAll(async () => {
  server.on('connection', () => (sockets += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  url = `http://127.0.0.1:${port}/`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

describe('send', () => {
  test('sends duplicate lines, odd bytes and a path as they stand', async () => {
    const answer = await send(url, {
      path: '/a/../%zz?x=1',
      headers: { Authorization: ['Bearer a', 'é\tb'], Cookie: ['a=1', 'a=2'], Host: 'elsewhere' },
    });

    const { url: path, lines } = answer.json() as Echo;
    expect(path).toBe('/a/../%zz?x=1');
    expect(lines).toEqual([
      'host: elsewhere',
      'authorization: Bearer a',
      'authorization: é\tb',
      'cookie: a=1',
      'cookie: a=2',
      'Connection: close',
    ]);
    expect(answer.setCookies).toEqual(['a=1', 'b=2']);
  });

  test('sends an object as JSON and a string as it stands', async () => {
    const json = (await send(url, { method: 'POST', body: { name: 'naïve' } })).json() as Echo;
    const string = (await send(url, { method: 'POST', body: '{"name":' })).json() as Echo;

    expect(json).toMatchObject({ method: 'POST', body: '{"name":"naïve"}' });
    expect(json.lines).toContain('content-type: application/json');
    expect(string.body).toBe('{"name":');
    expect(string.lines.filter((line) => /^content-type/i.test(line))).toEqual([]);
  });

  test('reuses the connections of an agent and no others', async () => {
    const agent = connections(3);
    const before = sockets;
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 9 }, () => send(url, { agent })));
    }
    agent.destroy();
    expect(sockets - before).toBe(3);

    await send(url);
    expect(sockets - before).toBe(4);
  });
});

describe('rawRequest', () => {
  test('sends what node:http refuses to send', async () => {
    const answer = await rawRequest(port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Odd: a\x01b\r\n\r\n');

    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test('reads the whole answer to a well-formed request', async () => {
    const answer = await rawRequest(port, 'GET /raw HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');

    expect(answer).toContain('"url":"/raw"');
  });
});
