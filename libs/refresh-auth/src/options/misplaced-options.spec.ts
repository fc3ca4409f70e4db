import { describe, expect, test } from '@jest/globals';
import { checkAsyncOptions } from './misplaced-options.js';

describe('the options of forRootAsync', () => {
  test('may come with the source of the options, which early versions of NestJS 11 do not take away', () => {
    const given = {
      isGlobal: true,
      name: 'admin',
      imports: [],
      inject: [],
      useFactory: () => ({}),
      provideInjectionTokensFrom: [],
    };
    expect(() => checkAsyncOptions(given, true)).not.toThrow();
    expect(() => checkAsyncOptions({ useClass: Object, useExisting: Object }, true)).not.toThrow();
  });

  test('must not hold what the factory has to return', () => {
    expect(() => checkAsyncOptions({ useFactory: () => ({}), secret: 'x' }, true)).toThrow(
      'option `secret` is not known here. Return it from the factory',
    );
  });
});
