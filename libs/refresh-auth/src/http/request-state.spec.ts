import { expect, test } from '@jest/globals';
import { getCurrentUser, getTokenState, setRequestState } from './request-state.js';

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
