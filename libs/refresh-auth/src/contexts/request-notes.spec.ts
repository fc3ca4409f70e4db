import { expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import type { Authentication, Authenticator } from '../sessions/authenticator.js';
import { noteState, notesOn, ownNotes } from './request-notes.js';
import { getTokenState } from './request-state.js';

const [module, otherModule] = [{}, {}] as [Authenticator, Authenticator];
const [one, other] = ['1', '2'].map((sub) => ({ state: 'valid', claims: { sub } }) as Authentication) as [
  Authentication,
  Authentication,
];

test('a decision is found on the request by its token', async () => {
  const request = { headers: {} };
  notesOn(request).addDecision(module, 'token', one);
  notesOn(request).addDecision(module, 'another token', other);

  const notes = ownNotes(request);
  expect(notes?.decision(module, 'token')).toBe(one);
  expect(notes?.decision(module, 'another token')).toBe(other);
  expect(notes?.decision(module, 'a third token')).toBeUndefined();
  expect(await Promise.all(notes?.decisions(module) ?? [])).toEqual([other, one]);
  expect(ownNotes({ headers: {} })).toBeUndefined();
});

test('nobody who prints a request sees the token that it brought, nor the one that it got', () => {
  const request = { headers: {} };
  const decision = { ...one, refreshed: { token: 'got' } } as Authentication;
  notesOn(request).addDecision(module, 'brought', decision);
  notesOn(request).addDecision(module, 'another', decision);

  expect(inspect(request, { depth: 9, showHidden: true })).not.toMatch(/brought|another|got/);
});

test('each module finds its own', async () => {
  const notes = notesOn({ headers: {} });
  notes.addDecision(module, 'token', one);
  notes.addDecision(otherModule, 'token', other);

  expect([notes.decision(module, 'token'), notes.decision(otherModule, 'token')]).toEqual([one, other]);
  expect(await Promise.all([module, otherModule].flatMap((by) => notes.decisions(by)))).toEqual([one, other]);
});

test('the state of a request and decisions on it are kept side by side', () => {
  const request = { headers: {} };
  notesOn(request).addDecision(module, 'token', one);
  noteState(request, { state: 'valid', user: { sub: '1' } });

  expect(notesOn(request).decision(module, 'token')).toBe(one);
  expect(getTokenState(request)).toBe('valid');
});
