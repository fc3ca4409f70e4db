/** The longest delay after which a request is sent again by itself, in seconds. */
const MAX_DELAY = 60;

/**
 * Returns after how many milliseconds a 503 may be sent again; `undefined` if it does not say, or the delay is too long. A date (RFC 9110
 * section 10.2.3) is ignored, because the clock of the device may be wrong.
 */
export function retryDelay({ status, headers }: Response): number | undefined {
  const seconds = headers.get('Retry-After') ?? '';
  return status === 503 && /^\d+$/.test(seconds) && Number(seconds) <= MAX_DELAY ? Number(seconds) * 1000 : undefined;
}

/** Waits. Ends early if the request is aborted, which `fetch` then reports. */
export function wait(milliseconds: number, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    }
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
