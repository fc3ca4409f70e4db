import { describe, expect, test } from '@jest/globals';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { RawRequest } from './http-message.js';
import { isWebSocket, sentHeaders } from './sent-headers.js';

/** Makes a request with this list and with different `headers`. */
function listed(...rawHeaders: unknown[]): RawRequest {
  return { method: 'GET', headers: { origin: 'https://written.example' }, rawHeaders: rawHeaders as string[] };
}

/** Makes a request as serverless-http does. */
function unlisted(headers: object): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { headers });
}

describe('[F2] the headers that the client sent', () => {
  test('are those of the raw list, not those added to `headers`', () => {
    expect(sentHeaders(listed('Host', 'example.com'))?.all('origin')).toEqual([]);
    expect(sentHeaders(listed('Origin', 'https://sent.example'))?.all('origin')).toEqual(['https://sent.example']);
  });

  test.each(['origin', 'Origin', 'ORIGIN', 'oRiGiN'])('are found as %s', (name) => {
    expect(sentHeaders(listed('Host', 'a', name, 'b'))?.all('origin')).toEqual(['b']);
  });

  test.each(['origin ', ' origin', 'origins', 'orıgin', 'x-origin', '', 7, undefined, ['origin']])(
    'are not found as %j',
    (name) => {
      expect(sentHeaders(listed(name, 'b'))?.all('origin')).toEqual([]);
    },
  );

  test('alternate between names and values: a value is not read as a name', () => {
    expect(sentHeaders(listed('X-A', 'origin', 'origin', 'X-B', 'X-C', 'origin'))?.all('origin')).toEqual(['X-B']);
  });

  test('include the pseudo headers of HTTP/2', () => {
    expect(sentHeaders(listed(':method', 'POST', ':authority', 'a.example'))?.all(':method')).toEqual(['POST']);
  });

  test.each([
    ['one', ['https://a.example'], ['https://a.example']],
    ['not ASCII', ['https://ä.example'], ['https://ä.example']],
    ['empty', [''], ['']],
    ['the same twice', ['a', 'a'], ['a']],
    ['different', ['a', 'b', 'a'], ['a', 'b']],
    ['in another case', ['a', 'A'], ['a', 'A']],
    ['in an array', [['a', 'b'], 'c'], ['a', 'b', 'c']],
    ['an empty array', [[]], []],
    ['missing', [undefined], []],
  ])('have as values, %s: %j', (_, values, expected) => {
    const lines = values.flatMap((value) => ['Origin', value]);

    expect(sentHeaders(listed(...lines))?.all('origin')).toEqual(expected);
  });

  test.each([
    ['none', [], undefined],
    ['one', ['a'], 'a'],
    ['the same twice', ['a', 'a'], 'a'],
    ['two', ['a', 'b'], undefined],
    ['an empty one and another', ['', 'b'], undefined],
  ])('have only one value, or none if values differ: %s', (_, values, expected) => {
    const lines = values.flatMap((value) => ['Origin', value]);

    expect(sentHeaders(listed('Host', 'example.com', ...lines))?.only('origin')).toBe(expected);
  });

  test.each([
    ['a list of odd length', { headers: {}, rawHeaders: ['Host', 'a', 'Origin'] }],
    ['an empty list that nobody knows', { headers: { origin: 'a' }, rawHeaders: [] }],
    ['no list', { headers: { origin: 'a' } }],
    ['a list that is none', { headers: { origin: 'a' }, rawHeaders: 'origin' }],
    ['no headers at all', {}],
  ])('are not known from %s', (_, raw) => {
    expect(sentHeaders(raw as RawRequest)).toBeUndefined();
  });

  test.each([
    ['text', { origin: 'a' }, ['a']],
    ['arrays', { origin: ['a', 'b'] }, ['a', 'b']],
    ['nothing', { origin: undefined }, []],
    ['names as the client wrote them', { Origin: 'a' }, ['a']],
  ])('are its `headers` if a Node.js request has no list: %s', (_, headers, expected) => {
    expect(sentHeaders(unlisted(headers))?.all('origin')).toEqual(expected);
  });

  test('are the list if a Node.js request has one', () => {
    const raw = Object.assign(unlisted({ origin: 'written' }), { rawHeaders: ['Origin', 'sent'] });

    expect(sentHeaders(raw)?.all('origin')).toEqual(['sent']);
  });
});

test.each([
  ['websocket', true],
  ['WebSocket', true],
  ['h2c, websocket', true],
  ['websockets', false],
  ['h2c', false],
  ['', false],
])('Upgrade: %s asks for a WebSocket: %s', (upgrade, expected) => {
  expect(isWebSocket(upgrade)).toBe(expected);
});
