import { expect, test } from '@jest/globals';
import { RefreshAuthError } from './refresh-auth-error.js';

test('an error that is sent as JSON shows neither its detail nor the origin', () => {
  const error = new RefreshAuthError('token_expired', 'by its header Origin', 'https://other.example');

  expect([error.detail, error.origin]).toEqual(['by its header Origin', 'https://other.example']);
  expect(JSON.stringify(error)).not.toMatch(/Origin|other\.example/);
});
