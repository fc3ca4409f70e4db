// The recipe of docs/front-ends/eventsource.md.

/**
 * An EventSource that also survives a 503. An EventSource by itself reconnects only after a lost connection; any answer but 200 ends it.
 *
 * @param {string} url
 * @param {{ onMessage: (event: MessageEvent) => void, onSignedOut: () => void, retryAfter?: number }} handlers `retryAfter` in milliseconds
 * @returns a function that closes it
 */
export function listen(url, { onMessage, onSignedOut, retryAfter = 3000 }) {
  const source = new EventSource(url, { withCredentials: true });
  let close = () => source.close();
  source.addEventListener('message', onMessage);
  source.addEventListener('error', async () => {
    if (source.readyState !== EventSource.CLOSED) return;
    const controller = new AbortController();
    close = () => controller.abort();
    // The error has no status. A second request has one; its body is not read.
    const response = await fetch(url, { credentials: 'include', signal: controller.signal }).catch(() => undefined);
    controller.abort();
    if (response?.status === 401) return onSignedOut();
    const timer = setTimeout(() => (close = listen(url, { onMessage, onSignedOut, retryAfter })), retryAfter);
    close = () => clearTimeout(timer);
  });
  return () => close();
}
