// The recipe of docs/front-ends/eventsource.md.

/**
 * Listens to server-sent events, also after a 503. An EventSource by itself reconnects only after a lost connection: any answer but 200 closes
 * it for good.
 *
 * @param {string} url
 * @param {{ onMessage: (event: MessageEvent) => void, onSignedOut: () => void, retryAfter?: number }} handlers `retryAfter` in milliseconds
 * @returns {() => void} stops listening
 */
export function listen(url, { onMessage, onSignedOut, retryAfter = 3000 }) {
  const stopped = new AbortController();
  const connect = () => {
    if (stopped.signal.aborted) return;
    const source = new EventSource(url, { withCredentials: true });
    stopped.signal.addEventListener('abort', () => source.close());
    source.addEventListener('message', onMessage);
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) void findOut();
    });
  };
  const findOut = async () => {
    const status = await statusOf(url);
    if (stopped.signal.aborted) return;
    if (status === 401) onSignedOut();
    else setTimeout(connect, retryAfter);
  };
  connect();
  return () => stopped.abort();
}

/** The error of an EventSource has no status. A second request has one; its body is not read. */
async function statusOf(url) {
  const enough = new AbortController();
  const response = await fetch(url, { credentials: 'include', signal: enough.signal }).catch(() => undefined);
  enough.abort();
  return response?.status;
}
