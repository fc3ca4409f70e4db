import { OptionReader } from './option-reader.js';

/** Options of the static call, which a factory may return by mistake. */
const STATIC_OPTIONS = ['isGlobal', 'name'];
/** Options of `forRootAsync`, which may be given to `forRoot` by mistake. */
const ASYNC_OPTIONS = ['useFactory', 'useClass', 'useExisting', 'inject', 'imports', 'provideInjectionTokensFrom'];

/**
 * Rejects options that belong to another call.
 *
 * @param given what `forRoot` was given, or what the factory of `forRootAsync` returned
 * @throws RefreshAuthOptionsError
 */
export function checkPlaces(given: object | null | undefined, call: string): void {
  if (given === undefined) {
    return new OptionReader(given, '', call).fail(
      'is undefined',
      'Return the options from the factory: { secret, … }.',
    );
  }
  for (const name of Object.keys(given ?? {})) {
    const option = new OptionReader(undefined, name, call);
    if (STATIC_OPTIONS.includes(name)) {
      option.fail(
        'was returned by the factory, which runs too late for it',
        `Write it beside the factory: RefreshAuthModule.forRootAsync({ ${name}, useFactory }).`,
      );
    }
    if (ASYNC_OPTIONS.includes(name)) {
      option.fail('was given to forRoot', `Write RefreshAuthModule.forRootAsync({ ${name} }) instead.`);
    }
  }
}

/**
 * Checks what `forRootAsync` was given.
 *
 * @param others options of the static call; in early versions of NestJS 11, also those that say where the options come from
 * @throws RefreshAuthOptionsError
 */
export function checkAsyncOptions(others: object, hasSource: boolean): void {
  const argument = new OptionReader(others, '', 'RefreshAuthModule.forRootAsync');
  const misplaced = Object.keys(others).find((name) => ![...STATIC_OPTIONS, ...ASYNC_OPTIONS].includes(name));
  if (misplaced !== undefined) {
    new OptionReader(undefined, misplaced, 'RefreshAuthModule.forRootAsync').fail(
      'is not known here',
      `Return it from the factory: useFactory: () => ({ ${misplaced} }).`,
    );
  }
  if (!hasSource) argument.fail('names no source of the options', 'Write useFactory, useClass or useExisting.');
}

/** Throws the error for a module that was imported as a class. */
export function failWithoutOptions(): never {
  return new OptionReader(undefined).fail(
    'is missing',
    'Write RefreshAuthModule.forRoot({ secret }) in the `imports` of the root module, not the class alone. Other modules need not import it: it is global.',
  );
}
