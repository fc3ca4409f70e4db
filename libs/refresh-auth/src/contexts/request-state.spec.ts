import { expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { carrierOf } from './execution-context.js';
import { noteState, notesOn, readNotes } from './request-notes.js';
import { findUser, getCurrentUser, getTokenState } from './request-state.js';

test('the result of the guard is available to all code that has the request', () => {
  const raw = { headers: {} };
  noteState(raw, { state: 'refreshable', user: { sub: '1' } });

  expect([getTokenState(raw), getTokenState({ raw })]).toEqual(['refreshable', 'refreshable']);
  expect([getCurrentUser(raw), getCurrentUser({ raw })]).toEqual([{ sub: '1' }, { sub: '1' }]);
});

test('without an accepted token there is no state and no user', () => {
  expect(getTokenState({ headers: {} })).toBeUndefined();
  expect(getCurrentUser({ headers: {} })).toBeUndefined();
});

test('the result of another build of the library is kept', async () => {
  const request = {
    headers: {},
    [Symbol.for('nestjs-refresh-auth:request-state')]: { state: 'valid', user: { sub: '1' } },
  };
  expect(readNotes(request)).toEqual({ state: 'valid', user: { sub: '1' } });

  notesOn(request);

  expect([getTokenState(request), getCurrentUser(request)]).toEqual(['valid', { sub: '1' }]);
});

const user = { sub: '1' };

function contextOf(type: string, ...args: unknown[]): ExecutionContext {
  return {
    getType: () => type,
    getHandler: () => undefined,
    getArgByIndex: (index: number) => args[index],
  } as unknown as ExecutionContext;
}

test.each<[string, (request: object) => ExecutionContext]>([
  ['an HTTP request', (request) => contextOf('http', request)],
  ['a request of Fastify', (request) => contextOf('http', request)],
  ['a GraphQL operation', (request) => contextOf('graphql', {}, {}, { req: request })],
])('[F80] the user of %s is `request.user`, unless the guard left one', (kind, make) => {
  const raw = { headers: {} };
  const request = { ...(kind.endsWith('Fastify') ? { raw } : raw), user };
  const context = make(request);
  const [before, same] = [findUser(context), getCurrentUser(request)];
  noteState(carrierOf(context), { state: 'valid', user: null });

  expect([before, same, findUser(context)]).toEqual([user, user, null]);
});

test.each<[string, ExecutionContext]>([
  ['a gateway', contextOf('ws', { user, handshake: { user } }, { user })],
  ['a microservice', contextOf('rpc', { user }, { user })],
  [
    'a GraphQL socket',
    contextOf('graphql', {}, {}, { req: { headers: {}, rawHeaders: ['Upgrade', 'websocket'], user } }),
  ],
  ['a GraphQL operation without a request', contextOf('graphql', {}, {}, { user })],
])('[F80] nothing else makes a user, whatever the messages of %s have', (_, context) => {
  expect(findUser(context)).toBeUndefined();
});

test('a request that the application has made without headers has its user too', () => {
  const made = { user };

  expect([contextOf('http', made), contextOf('graphql', {}, {}, { req: made })].map(findUser)).toEqual([user, user]);
});
