import { expect, test } from '@jest/globals';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { OptionalAuth } from './optional-auth.js';
import { Public } from './public.js';
import { RouteAccess } from './route-access.js';

class Base {
  plain(): void {}

  @Public()
  open(): void {}

  @OptionalAuth('other')
  elsewhere(): void {}
}

@OptionalAuth()
class Optional extends Base {}

class Required extends Base {}

function accessOf(access: RouteAccess, type: typeof Base, handler: keyof Base): unknown {
  return access.of(new ExecutionContextHost([], type, type.prototype[handler]));
}

test('a decorator on a handler overrides that on its class, also for each class that inherits it', () => {
  const access = new RouteAccess(new Reflector(), undefined);
  const all = () =>
    ([Optional, Required] as const).map((type) =>
      (['plain', 'open', 'elsewhere'] as const).map((handler) => accessOf(access, type, handler)),
    );
  const expected = [
    ['optional', 'public', 'optional'],
    [undefined, 'public', undefined],
  ];

  expect([all(), all()]).toEqual([expected, expected]);
});

test('a decorator for the guard of another module has no effect on this one', () => {
  const access = new RouteAccess(new Reflector(), 'other');

  expect(accessOf(access, Optional, 'plain')).toBeUndefined();
  expect(accessOf(access, Optional, 'open')).toBeUndefined();
  expect(accessOf(access, Optional, 'elsewhere')).toBe('optional');
});

test('the metadata of a route are looked up once', () => {
  let searches = 0;
  class Counting extends Reflector {
    override getAllAndOverride(...args: Parameters<Reflector['getAllAndOverride']>): never {
      searches += 1;
      return super.getAllAndOverride(...args) as never;
    }
  }
  const access = new RouteAccess(new Counting(), undefined);

  const found = Array.from({ length: 5 }, () => accessOf(access, Required, 'open'));

  expect([found, searches]).toEqual([['public', 'public', 'public', 'public', 'public'], 1]);
});
