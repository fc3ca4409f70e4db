import { describe, expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { findRequestResponse } from './execution-context.js';

const request = { headers: {} };
const response = {
  headersSent: false,
  getHeader: () => undefined,
  setHeader: () => undefined,
  removeHeader: () => undefined,
};
const reply = { raw: response, request: { raw: request }, header: () => undefined, getHeader: () => undefined };

function context(type: string, graphql: object = {}): ExecutionContext {
  const part = {
    getType: () => type,
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }),
    getArgByIndex: (index: number) => [undefined, undefined, graphql, undefined][index],
  };
  return part as unknown as ExecutionContext;
}

test('of an HTTP route', () => {
  expect(findRequestResponse(context('http'))).toEqual({ request, response });
});

describe('of a GraphQL resolver', () => {
  test.each([
    ['Apollo on Express', { req: request, res: response }, { request, response }],
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
])('of a context of type %s with %j there are none, and the error says what to do', (type, graphql) => {
  expect(() => findRequestResponse(context(type, graphql))).toThrow(
    new Error(
      `RefreshAuthGuard finds no request in a context of type ${type}: extend the guard and override getRequestResponse(context)`,
    ),
  );
});
