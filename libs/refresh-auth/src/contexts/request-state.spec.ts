import { expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import type { RawRequest } from '../http/http-message.js';
import { carrierOf } from './execution-context.js';
import { OncePerRequest } from './once-per-request.js';
import { readNotes } from './request-notes.js';
import {
  findUser,
  forgetAdmission,
  getCurrentUser,
  getTokenState,
  noteAdmission,
  setRequestState,
} from './request-state.js';

test('what the guard found is there for everybody who has the request', () => {
  const raw = { headers: {} };
  setRequestState(raw, { state: 'refreshable', user: { sub: '1' } });

  expect([getTokenState(raw), getTokenState({ raw })]).toEqual(['refreshable', 'refreshable']);
  expect([getCurrentUser(raw), getCurrentUser({ raw })]).toEqual([{ sub: '1' }, { sub: '1' }]);
});

test('where it accepted no token there is nothing', () => {
  expect(getTokenState({ headers: {} })).toBeUndefined();
  expect(getCurrentUser({ headers: {} })).toBeUndefined();
});

test('it stands beside what was done for the request, and neither loses the other', async () => {
  const once = new OncePerRequest<number>();
  const request = { headers: {} };
  await once.get(request, 'token', () => 1);
  setRequestState(request, { state: 'valid', user: { sub: '1' } });

  expect(once.get(request, 'token', () => 2)).toBe(1);
  expect(getTokenState(request)).toBe('valid');
});

test('what another build of the library has left is kept', async () => {
  const request = {
    headers: {},
    [Symbol.for('nestjs-refresh-auth:request-state')]: { state: 'valid', user: { sub: '1' } },
  };
  expect(readNotes(request)).toEqual({ state: 'valid', user: { sub: '1' } });

  await new OncePerRequest<number>().get(request, 'token', () => 1);

  expect([getTokenState(request), getCurrentUser(request)]).toEqual(['valid', { sub: '1' }]);
});

test('what a message of a socket has left is taken back, from the client and from the request that opened the socket', () => {
  const client = {};
  const request: RawRequest & { user?: unknown } = { headers: {} };
  const context = { getType: () => 'ws', getArgByIndex: () => client } as unknown as ExecutionContext;
  const found = { state: 'valid', user: { sub: '1' } } as const;
  const left = (): unknown[] => [readNotes(client), readNotes(request), request.user];

  noteAdmission(context, request, found);
  expect(left()).toEqual([found, found, found.user].map((value) => expect.objectContaining(value)));

  forgetAdmission(context);
  expect(left()).toEqual([undefined, expect.objectContaining(found), found.user]);
  forgetAdmission(context, request);
  expect(left()).toEqual([undefined, undefined, undefined]);
  expect('user' in request).toBe(false);
});

const user = { sub: '1' };

function contextOf(type: string, ...args: unknown[]): ExecutionContext {
  return { getType: () => type, getArgByIndex: (index: number) => args[index] } as unknown as ExecutionContext;
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
  setRequestState(carrierOf(context), { state: 'valid', user: null });

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
