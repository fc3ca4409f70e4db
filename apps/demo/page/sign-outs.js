/**
 * A sign-out that a tab of this browser has asked for.
 *
 * @typedef {object} SignOut
 * @property {string} path
 * @property {number} at the time at which its request was sent, in milliseconds since 1970
 * @property {boolean} isElsewhere true if it was another tab
 */

/** Tells the other tabs of this browser. A tab does not receive its own messages. */
const channel = new BroadcastChannel('demo-sign-outs');
const heard = new EventTarget();

channel.addEventListener('message', ({ data }) => tellHere({ ...data, isElsewhere: true }));

/** @param {SignOut} signOut */
function tellHere(signOut) {
  heard.dispatchEvent(new CustomEvent('sign-out', { detail: signOut }));
}

/**
 * Call this before the request is sent.
 *
 * @param {string} path
 */
export function announceSignOut(path) {
  const signOut = { path, at: Date.now() };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel reaches this origin only
  channel.postMessage(signOut);
  tellHere({ ...signOut, isElsewhere: false });
}

/**
 * Waits for the next sign-out of any tab.
 *
 * @param {string} path
 * @returns {Promise<SignOut>}
 */
export async function nextSignOut(path) {
  return new Promise((resolve) => {
    heard.addEventListener('sign-out', function hear(event) {
      const { detail } = /** @type {CustomEvent<SignOut>} */ (event);
      if (detail.path !== path) return;
      heard.removeEventListener('sign-out', hear);
      resolve(detail);
    });
  });
}
