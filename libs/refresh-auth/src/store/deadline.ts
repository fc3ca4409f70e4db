/**
 * Waits for work that may never end.
 *
 * @param milliseconds how long to wait at most
 * @param option names the bound in the error
 * @throws Error when the time is over, or what the work throws
 */
export async function within<T>(milliseconds: number, option: string, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    // A busy process may find the answer and the end of the time at once: what has arrived by now is read first, in the poll phase
    // between this timer and the immediate.
    timer = setTimeout(
      () => setImmediate(() => reject(new Error(`no answer within ${option}`))),
      Math.max(0, milliseconds),
    );
  });
  try {
    return await Promise.race([work(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
