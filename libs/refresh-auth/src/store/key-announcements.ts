import { hkdfSync, type KeyObject } from 'node:crypto';
import type { KeyRing } from '../tokens/keys.js';
import { within } from './deadline.js';
import type { Events } from '../events/events.js';
import type { SessionStore } from './session-store.js';

/** A process announces its keys at this interval, in milliseconds. */
const INTERVAL = 60_000;
/** An announcement is kept for this long, in milliseconds, since the next ones may fail. */
const KEPT_FOR = 3 * INTERVAL;
const FINGERPRINT_BYTES = 16;

/**
 * Announces in the store which keys this process verifies with, and reports once if another process has announced only others. Two
 * applications with different keys do not accept each other's tokens, but under one prefix `revokeUser('1')` of either ends the sessions of
 * both users with that id. Processes between two steps of a key rotation always have a key in common.
 */
export class KeyAnnouncements {
  readonly #own: readonly string[];
  #timer: NodeJS.Timeout | undefined;
  #isReported = false;

  constructor(
    private readonly store: SessionStore,
    private readonly events: Events,
    private readonly settings: {
      readonly keys: KeyRing;
      readonly keyPrefix: string;
      /** In milliseconds. */
      readonly storeTimeout: number;
    },
  ) {
    const { keys, keyPrefix } = settings;
    this.#own = keys.all.map(({ verifyingKey }) => fingerprint(verifyingKey, keyPrefix)).sort();
  }

  /** Announces now and every minute. Resolves after the first announcement, even if it failed. */
  async start(): Promise<void> {
    if (!this.store.announceKeys) return;
    this.#timer = setInterval(() => void this.#announce(), INTERVAL).unref();
    await this.#announce();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #announce(): Promise<void> {
    try {
      const announced = await within(this.settings.storeTimeout, 'storeTimeout', async () =>
        this.store.announceKeys?.(this.#own.join(' '), KEPT_FOR),
      );
      if (this.#isReported || !announced?.some((keys) => !this.#hasOneOf(keys))) return;
      this.#isReported = true;
      this.events.emit('prefix-shared', { keyPrefix: this.settings.keyPrefix });
    } catch {
      // The next announcement follows in a minute, and nothing but a warning depends on it.
    }
  }

  #hasOneOf(keys: string): boolean {
    return keys.split(' ').some((key) => this.#own.includes(key));
  }
}

/**
 * Names a key without revealing it: derived for this purpose alone, and different for each prefix. A private key and its public key have the
 * same name in every encoding: it is made of the members that RFC 7638 section 3.2 requires, in the order of section 3.3.
 */
function fingerprint(key: KeyObject, keyPrefix: string): string {
  const jwk = key.export({ format: 'jwk' });
  const material = JSON.stringify(jwk, Object.keys(jwk).sort());
  const derived = hkdfSync('sha256', material, keyPrefix, 'nestjs-refresh-auth:fingerprint', FINGERPRINT_BYTES);
  return Buffer.from(derived).toString('base64url');
}
