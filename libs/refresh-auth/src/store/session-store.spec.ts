import { expect, test } from '@jest/globals';
import { SessionStore, StoreRefusal } from './session-store.js';

test('the store is found by one name in all builds of the library', () => {
  expect(SessionStore).toBe(Symbol.for('nestjs-refresh-auth:SessionStore'));
});

test('a refusal says that it is one, and is of the whole store unless it says otherwise', () => {
  const refusals = [new StoreRefusal('full'), new StoreRefusal('odd', true)];

  expect(refusals.map(({ name, message, isOfOneRecord }) => ({ name, message, isOfOneRecord }))).toEqual([
    { name: 'StoreRefusal', message: 'full', isOfOneRecord: false },
    { name: 'StoreRefusal', message: 'odd', isOfOneRecord: true },
  ]);
});
