import { describe, expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Credentials } from '../http/credentials.js';
import type { HttpRequest, RawRequest } from '../http/http-message.js';
import { Call } from './call.js';
import { carrierOf } from './execution-context.js';
import { readNotes } from './request-notes.js';

function contextOf(type: string, ...args: unknown[]): ExecutionContext {
  const host = new ExecutionContextHost(args);
  host.setType(type);
  return host;
}

test('a token is one that browsers attach only if it came in the cookie and not beside it', () => {
  const credentials = new Credentials(['authorization'], () => undefined);
  const request = { headers: { cookie: 'authorization=both' } };
  const isAmbient = (context: ExecutionContext, found: { request?: HttpRequest }): boolean =>
    new Call(context, found).isAmbient('both', credentials);
  const socket = (auth: object): ExecutionContext => contextOf('ws', { handshake: { auth }, request });

  expect(isAmbient(socket({}), { request })).toBe(true);
  expect(isAmbient(socket({ token: 'both' }), { request })).toBe(false);
  expect(isAmbient(contextOf('rpc', 'payload', {}), {})).toBe(false);
});

describe('a message over a socket is recognized', () => {
  const isMessage = (type: string, request?: RawRequest): boolean =>
    new Call(contextOf(type, {}, {}, {}), { request }).isMessage;

  test.each([
    ['http', undefined, false],
    ['graphql', undefined, false],
    ['ws', undefined, true],
    ['rpc', undefined, true],
    ['http', 'websocket', true],
    ['http', 'WebSocket', true],
    ['graphql', 'h2c, websocket', true],
    ['http', 'h2c', false],
    ['http', 'websockets', false],
  ])('in a context of type %s, with the upgrade %j: %s', (type, upgrade, expected) => {
    expect(isMessage(type, { headers: upgrade === undefined ? {} : { upgrade } })).toBe(expected);
  });

  test('by the headers that the client sent, even if other code has changed those of a GraphQL request', () => {
    const lines = { rawHeaders: ['Upgrade', 'websocket'] };

    expect(isMessage('graphql', { headers: { upgrade: 'none' }, ...lines })).toBe(true);
    expect(isMessage('graphql', { headers: {}, ...lines })).toBe(true);
    expect(isMessage('graphql', { headers: { upgrade: 'websocket' }, rawHeaders: ['Host', 'a'] })).toBe(false);
  });

  test.each([
    ['http', false],
    ['ws', true],
  ])('in a context of type %s without a request: %s', (type, expected) => {
    expect(isMessage(type)).toBe(expected);
  });
});

test('the result of an earlier message is removed from the client of a socket and from the request that opened it', () => {
  const client = {};
  const request: RawRequest & { user?: unknown } = { headers: {} };
  const context = contextOf('ws', client);
  const found = { state: 'valid', user: { sub: '1' } } as const;
  const nothing = { state: undefined, user: undefined };
  const left = (): unknown[] => [readNotes(carrierOf(context)), readNotes(request), request.user];

  new Call(context, { request }).leaveResult(found);
  expect(left()).toEqual([found, found, found.user].map((value) => expect.objectContaining(value)));

  new Call(context, {}).removeResult();
  expect(left()).toEqual([expect.objectContaining(nothing), expect.objectContaining(found), found.user]);
  new Call(context, { request }).removeResult();
  expect(left()).toEqual([expect.objectContaining(nothing), expect.objectContaining(nothing), undefined]);
  expect('user' in request).toBe(false);
});
