import { expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import type { RawRequest } from '../http/http-message.js';
import { Admissions } from './admissions.js';
import { readNotes } from './request-notes.js';
import { getCurrentUser, getTokenState, noteAdmission, setRequestState, forgetAdmission } from './request-state.js';

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
  const admissions = new Admissions<number>();
  const request = { headers: {} };
  admissions.remember(request, 'token', 1);
  setRequestState(request, { state: 'valid', user: { sub: '1' } });

  expect(admissions.recall(request, 'token')).toBe(1);
  expect(getTokenState(request)).toBe('valid');
});

test('what another build of the library has left is kept', async () => {
  const request = {
    headers: {},
    [Symbol.for('nestjs-refresh-auth:request-state')]: { state: 'valid', user: { sub: '1' } },
  };
  expect(readNotes(request)).toEqual({ state: 'valid', user: { sub: '1' } });

  new Admissions<number>().remember(request, 'token', 1);

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
