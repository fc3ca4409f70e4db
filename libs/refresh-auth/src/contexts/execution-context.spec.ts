import { describe, expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { carrierOf, findRequestResponse, isMessage } from './execution-context.js';

const request = { headers: {} };
const response = {
  headersSent: false,
  getHeader: () => undefined,
  setHeader: () => undefined,
  removeHeader: () => undefined,
};
const reply = { raw: response, request: { raw: request }, header: () => undefined, getHeader: () => undefined };

const client = { id: 'of a socket' };
const rpc = { pattern: 'of a message' };

/** The arguments of handlers, by type of context. */
const ARGUMENTS: Record<string, (graphql: object) => unknown[]> = {
  http: () => [request, response],
  graphql: (operation) => [undefined, {}, operation, {}],
  rpc: () => ['payload', rpc],
};

function context(type: string, graphql: object = {}): ExecutionContext {
  const host = new ExecutionContextHost(ARGUMENTS[type]?.(graphql) ?? [client, {}]);
  host.setType(type);
  return host;
}

test('request and response of an HTTP route are found', () => {
  expect(findRequestResponse(context('http'))).toEqual({ request, response });
});

describe('request and response of a GraphQL resolver are found', () => {
  const asked = { ...request, res: response };

  test.each([
    ['Apollo on Express', { req: request, res: response }, { request, response }],
    ['Apollo on Express, by default', { req: asked }, { request: asked, response }],
    ['Apollo on Fastify, which has no response', { req: request }, { request, response: undefined }],
    ['a context of the application', { request, reply }, { request, response: reply }],
    ['Mercurius', { reply }, { request: reply.request, response: reply }],
  ])('on %s', (_, graphql, expected) => {
    expect(findRequestResponse(context('graphql', graphql))).toEqual(expected);
  });
});

test.each([
  ['rpc', {}],
  ['ws', {}],
  ['graphql', {}],
])('in a context of type %s with %j none are found, and the error says what to do', (type, graphql) => {
  expect(() => findRequestResponse(context(type, graphql))).toThrow(
    new Error(
      `RefreshAuthGuard finds no request in a context of type ${type}. Extend the guard and override getRequestResponse(context)`,
    ),
  );
});

test('guards and handlers share the raw request, the context of a GraphQL operation or of an RPC, or the client of a socket', () => {
  const graphql = {};

  expect(carrierOf(context('http'))).toBe(request);
  expect(carrierOf(context('graphql', graphql))).toBe(graphql);
  expect(carrierOf(context('ws'))).toBe(client);
  expect(carrierOf(context('rpc'))).toBe(rpc);
});

describe('a message over a socket is recognized', () => {
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
    expect(isMessage(context(type), { headers: upgrade === undefined ? {} : { upgrade } })).toBe(expected);
  });

  test('by the headers that the client sent, even if other code has changed those of a GraphQL request', () => {
    const lines = { rawHeaders: ['Upgrade', 'websocket'] };

    expect(isMessage(context('graphql'), { headers: { upgrade: 'none' }, ...lines })).toBe(true);
    expect(isMessage(context('graphql'), { headers: {}, ...lines })).toBe(true);
    expect(isMessage(context('graphql'), { headers: { upgrade: 'websocket' }, rawHeaders: ['Host', 'a'] })).toBe(false);
  });

  test.each([
    ['http', false],
    ['ws', true],
  ])('in a context of type %s without a request: %s', (type, expected) => {
    expect(isMessage(context(type))).toBe(expected);
  });
});
