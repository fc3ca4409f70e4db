import { describe, expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { inspect } from 'node:util';
import { Credentials } from '../http/credentials.js';
import type { RawResponse } from '../http/http-message.js';
import { carrierOf, findRequestResponse, findToken } from './execution-context.js';
import { notesOn } from './request-notes.js';

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

test('the response that was noted when a request arrived is found, where the context of GraphQL has only the request', () => {
  const arrived = { ...request };
  notesOn(arrived).arrive(1, response as unknown as RawResponse);

  expect(findRequestResponse(context('graphql', { req: arrived }))).toEqual({ request: arrived, response });
  expect(inspect(arrived, { depth: 9, showHidden: true })).not.toContain('getHeader');
});

describe('a socket of GraphQL has the request that opened it, and no response', () => {
  const upgrade = { headers: {}, rawHeaders: ['Upgrade', 'websocket'] };

  test.each([
    ['Apollo, by the context of graphql-ws', { req: { acknowledged: true, extra: { request: upgrade } } }],
    ['Mercurius, whose reply has only a request', { request: upgrade, reply: { request: upgrade } }],
    ['a context of the application', { req: upgrade, res: response }],
  ])('on %s', (_, graphql) => {
    expect(findRequestResponse(context('graphql', graphql))).toEqual({ request: upgrade, response: undefined });
  });

  test('and its headers are read as the client sent them, whatever its payload has added', () => {
    const lines = ['Upgrade', 'websocket', 'Authorization', 'Bearer of-the-header', 'Cookie', 'a=b', 'Cookie', 'c=d'];
    const polluted = { headers: { cookie: 'authorization=of-the-payload' }, rawHeaders: lines };
    const credentials = new Credentials(['authorization', 'c'], () => undefined);

    expect(findToken(context('graphql', { req: polluted }), polluted, credentials)).toBe('of-the-header');
    const withCookies = { ...polluted, rawHeaders: lines.filter((_, index) => index !== 2 && index !== 3) };
    expect(findToken(context('graphql', { req: withCookies }), withCookies, credentials)).toBe('d');
  });
});

test('resolvers of references, which have no arguments, have their context before the info', () => {
  const operation = { req: request, res: response };
  const host = new ExecutionContextHost([{ id: 1 }, operation, { fieldNodes: [] }]);
  host.setType('graphql');

  expect(findRequestResponse(host)).toEqual({ request, response });
  expect(carrierOf(host)).toBe(operation);
});

test('a context of GraphQL that several requests share is an error', () => {
  const shared = { req: request, reply: { ...reply, request: { raw: { headers: {} } } } };

  expect(() => findRequestResponse(context('graphql', shared))).toThrow(
    /^Several requests share one GraphQL context, .* as a function that returns a new object for each request/,
  );
});

test('a message of a microservice has no request; one of socket.io has that of its client', () => {
  const host = new ExecutionContextHost([{ handshake: { auth: {} }, request }]);
  host.setType('ws');

  expect(findRequestResponse(context('rpc'))).toEqual({});
  expect(findRequestResponse(host)).toEqual({ request });
});

test.each([
  ['ws', 'Call `await refreshAuthService.admit(client, request)` in handleConnection(client, request) of the gateway'],
  ['graphql', 'Extend the guard and override getRequestResponse(context)'],
])('in a context of type %s that leads to no request, the error says what to do', (type, remedy) => {
  expect(() => findRequestResponse(context(type))).toThrow(
    new Error(`RefreshAuthGuard finds no request in a context of type ${type}. ${remedy}`),
  );
});

describe('the token of a call', () => {
  const credentials = new Credentials(['authorization'], () => undefined);
  const withHeader = { headers: { authorization: 'Bearer of-the-header', cookie: 'authorization=of-the-cookie' } };

  function socket(auth: object | undefined): ExecutionContext {
    const host = new ExecutionContextHost([{ handshake: { auth }, request: withHeader }]);
    host.setType('ws');
    return host;
  }

  test.each([
    ['the handshake of socket.io', { token: 'of-the-handshake' }, 'of-the-handshake'],
    ['the header, if the handshake has none', {}, 'of-the-header'],
    ['the header, if the handshake says null', { token: null }, 'of-the-header'],
    ['the header, if there is no data', undefined, 'of-the-header'],
  ])('is that of %s', (_, auth, token) => {
    expect(findToken(socket(auth), withHeader, credentials)).toBe(token);
  });

  test.each([1, true, {}, ['a']])('is malformed if the handshake has %j', (token) => {
    expect(() => findToken(socket({ token }), withHeader, credentials)).toThrow('The token is malformed');
  });

  test('is missing in a microservice, and the error says where to look', () => {
    expect(() => findToken(context('rpc'), undefined, credentials)).toThrow(
      /context of type rpc\. Extend RefreshAuthGuard and override getToken\(request, context\)/,
    );
  });
});

test('guards and handlers share the raw request, the context of a GraphQL operation or of an RPC', () => {
  const graphql = {};

  expect(carrierOf(context('http'))).toBe(request);
  expect(carrierOf(context('graphql', graphql))).toBe(graphql);
  expect(carrierOf(context('rpc'))).toBe(rpc);
});

test('guards and handlers of a gateway share an object of the client and the handler, those of a bot its message', () => {
  const handler = (): void => undefined;
  const of = (socket: object, called = handler): object => {
    const host = new ExecutionContextHost([socket], undefined, called);
    host.setType('ws');
    return carrierOf(host);
  };

  expect(of(client)).toBe(of(client));
  expect(new Set([of(client), of({}), of(client, () => undefined), client]).size).toBe(4);
  expect(carrierOf(context('bot'))).toBe(client);
});
