import { expect, test } from '@jest/globals';
import { SessionStore, StoreError } from './session-store.js';

test('the store is found by one name in all builds of the library', () => {
  expect(SessionStore).toBe(Symbol.for('nestjs-refresh-auth:SessionStore'));
});

test('a refusal says that it is one, and is of the whole store unless it says otherwise', () => {
  const refusals = [new StoreError('full'), new StoreError('odd', true)];

  expect(refusals.map(({ name, message, isOfOneRecord }) => ({ name, message, isOfOneRecord }))).toEqual([
    { name: 'StoreError', message: 'full', isOfOneRecord: false },
    { name: 'StoreError', message: 'odd', isOfOneRecord: true },
  ]);
});
