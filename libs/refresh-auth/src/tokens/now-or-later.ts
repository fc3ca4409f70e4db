/** Something that is there already, or a promise of it: most requests need nothing that has to be waited for, and a promise is not free. */
export type NowOrLater<T> = T | Promise<T>;

/** Goes on with what is there, at once if it is. */
export function whenThere<T, U>(value: T | PromiseLike<T>, use: (value: T) => NowOrLater<U>): NowOrLater<U> {
  return isLater(value) ? Promise.resolve(value).then(use) : use(value);
}

/** Does something that may fail now or later; either failure gets into the same hands. */
export function orElse<T>(attempt: () => NowOrLater<T>, failed: (error: unknown) => NowOrLater<T>): NowOrLater<T> {
  try {
    const value = attempt();
    return isLater(value) ? Promise.resolve(value).catch(failed) : value;
  } catch (error) {
    return failed(error);
  }
}

export function isLater<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined | null)?.then === 'function';
}
