import { LRUCache } from 'lru-cache';
import type { TokenClaims } from '../tokens/claims.js';
import type { Events } from '../events/events.js';
import type { UsedGeneration } from '../store/session-store.js';
import type { StoreAccess } from '../store/store-access.js';

const FLUSH_INTERVAL = 100;
/** About 150 MB if so many tokens are valid at once. The memory is taken as it is needed. */
const MOST_REMEMBERED = 1_000_000;

/**
 * Tells the store which generations are in use, under reuse detection: a superseded token counts as reused only after a client has used
 * something newer. Uses are collected and written together; no request waits for them.
 */
export class UsedGenerations {
  /** The `jti` of tokens that were recorded. Bounded by size, since `max` would take the memory for all at once. */
  readonly #seen = new LRUCache<string, true>({ maxSize: MOST_REMEMBERED, sizeCalculation: () => 1 });
  #queued: UsedGeneration[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly access: StoreAccess,
    private readonly events: Events,
    /** `reuseDetection.revokeAfter`, in milliseconds. */
    private readonly revokeAfter: number,
  ) {}

  /** Records that a client has presented this valid token. */
  see({ jti, sid, gen }: TokenClaims): void {
    // Generation 0 supersedes nothing.
    if (gen === 0 || this.#seen.has(jti)) return;
    this.#seen.set(jti, true);
    this.#queued.push({ sid, gen });
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_INTERVAL).unref();
  }

  /** Writes what is queued. Also called when the application shuts down. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const uses = this.#queued;
    if (uses.length === 0) return;
    this.#queued = [];
    try {
      await this.access.ask((store) => store.recordUse(uses, this.revokeAfter));
    } catch {
      for (const use of uses) this.events.emit('use-not-recorded', this.events.generation(use));
    }
  }
}
