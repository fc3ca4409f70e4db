/**
 * Asks several things at once, each of which may decide alone: what one has decided holds, even if another fails or never answers.
 *
 * @returns the first decision; `undefined` when all have answered and none decides
 * @throws what one of them threw, when none decides
 */
export function firstDecision<T>(asked: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    for (const one of asked) {
      one.then(
        (decision) => {
          if (decision !== undefined) resolve(decision);
        },
        () => undefined,
      );
    }
    Promise.all(asked).then(
      () => resolve(undefined),
      async (reason: Error) => {
        await Promise.allSettled(asked);
        reject(reason);
      },
    );
  });
}
