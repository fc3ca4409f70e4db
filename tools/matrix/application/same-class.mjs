// The library that is imported is the library that is required: or else providers would not be found by their class.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const required = require('nestjs-refresh-auth');
const imported = await import('nestjs-refresh-auth');

for (const name of ['RefreshAuthModule', 'RefreshAuthGuard', 'RefreshAuthService', 'RefreshAuthError']) {
  assert.equal(typeof imported[name], 'function');
  assert.equal(required[name], imported[name], `import and require give different classes ${name}`);
}
assert.equal(require('nestjs-refresh-auth/testing').TestClock, (await import('nestjs-refresh-auth/testing')).TestClock);
