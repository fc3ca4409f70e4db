import type { Clock } from '../tokens/clock.js';
import type { Events } from './events.js';
import type { KnownRevocations } from './known-revocations.js';
import {
  type Revocation,
  type RevocationPage,
  type RevocationTtl,
  type SessionStore,
  StoreRefusal,
} from './session-store.js';
import type { StoreAccess } from './store-access.js';

/** A store that keeps a log of revocations and rings when something is appended. */
export type PushingStore = SessionStore & Required<Pick<SessionStore, 'revocationsSince' | 'onRevocation'>>;

export function canPush(store: SessionStore): store is PushingStore {
  return typeof store.revocationsSince === 'function' && typeof store.onRevocation === 'function';
}

/** How long what was read may answer for the store, in milliseconds. */
const FRESH_FOR = 5_000;
const POLL_INTERVAL = 2_000;
/** Entries may become visible a little later than they are stamped, and the clock of a store may move at a failover. */
const OVERLAP = 60_000;
/** Of a bell, which can ring many times a second in each of many processes: what was visible later than that is found by the next poll. */
const BELL_OVERLAP = 1_000;

/**
 * Follows the log of revocations, so that valid tokens are checked in memory. Pub/sub is only the door bell: whenever it rings, after
 * each (re)connect and at least every 2 s, the log is read from where the last reading ended. What may have come late, or been lost, is
 * looked for every 2 s.
 */
export class RevocationLog {
  /** The store's clock at the last reading. */
  #cursor = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** The longest overlap that was asked for meanwhile. */
  #wanted = 0;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;
  /** How far the store's clock was ahead of this process's at the last reading, in milliseconds: less by the way of the answer. */
  #lead: number | undefined;
  /** Why the bell was refused, the last time that it was. */
  #silence: string | undefined;

  constructor(
    private readonly store: PushingStore,
    private readonly access: StoreAccess,
    private readonly events: Events,
    private readonly known: KnownRevocations,
    private readonly clock: Clock,
    private readonly ttl: RevocationTtl,
  ) {}

  /** Whether what is known here is all there is. */
  get isFresh(): boolean {
    const now = this.clock.now();
    return Math.abs(now - this.#readAt) < FRESH_FOR && !this.known.isIncompleteAt(now);
  }

  /** The store's clock, in milliseconds: never ahead of it. `undefined` until the log was read once. */
  get storeTime(): number | undefined {
    return this.#lead === undefined ? undefined : this.clock.now() + this.#lead;
  }

  /** Begins to follow; fulfilled after the first reading, whether or not the store answered. */
  async start(): Promise<void> {
    this.#unsubscribe = this.store.onRevocation(
      () => void this.#follow(BELL_OVERLAP),
      (reason) => this.#reportSilence(reason),
    );
    this.#timer = setInterval(() => void this.read(), POLL_INTERVAL).unref();
    await this.read();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#unsubscribe?.();
    await this.#reading;
  }

  /** Told once, however often the store is asked again: until it rings, what others revoke is learned from the polls. */
  #reportSilence(reason: string): void {
    if (reason === this.#silence) return;
    this.#silence = reason;
    this.events.emit('bell-refused', { reason });
  }

  /** Reads what is new, what may have come late, and whether anything was lost. */
  read(): Promise<void> {
    return this.#follow(OVERLAP);
  }

  /** One reading at a time: what is asked for meanwhile is answered by one more, for which nobody who came before waits. */
  #follow(overlap: number): Promise<void> {
    if (this.#reading) {
      this.#wanted = Math.max(this.#wanted, overlap);
      return this.#reading;
    }
    this.#reading = this.#readOnce(overlap).finally(() => {
      const wanted = this.#wanted;
      this.#wanted = 0;
      this.#reading = undefined;
      if (wanted > 0 && this.#timer) void this.#follow(wanted);
    });
    return this.#reading;
  }

  async #readOnce(overlap: number): Promise<void> {
    const readAt = this.clock.now();
    const since = Math.max(0, this.#cursor - overlap);
    try {
      const page = await this.#page(since);
      const hasLost = overlap === OVERLAP && this.#hasLost(page, since);
      // A store whose clock has moved back, as at a failover, may have stamped new entries before the cursor.
      if (page.now < since || hasLost) await this.#restore(await this.#page(0));
      this.#cursor = page.now;
      this.#readAt = readAt;
    } catch {
      // Reported by whoever asked the store; what was read ages, and the next bell or poll tries again.
    }
  }

  /** Merged when it arrives, even if that is too late for the deadline, or it is from the past: what it has is known from then on. */
  #page(since: number): Promise<RevocationPage> {
    return this.access.insist()(async () => {
      const page = await this.store.revocationsSince(since);
      this.#lead = page.now - this.clock.now();
      for (const entry of page.entries) this.known.add(entry, page.now - entry.at);
      if (page.stale !== undefined) throw new StoreRefusal(page.stale);
      return page;
    });
  }

  #hasLost(page: RevocationPage, since: number): boolean {
    return (
      missing(this.known.since(since), page).length > 0 || count(this.known.since(page.now - this.ttl.log)) > page.size
    );
  }

  /** A failover or FLUSHALL took entries with it that other processes may never have seen. */
  async #restore(page: RevocationPage): Promise<void> {
    const lost = missing(this.known.since(page.now - this.ttl.log), page);
    if (lost.length > 0) await this.access.insist()(async () => this.store.restoreRevocations?.(lost, this.ttl));
  }
}

function missing(expected: Iterable<Revocation>, page: RevocationPage): Revocation[] {
  const present = new Set(page.entries.map(nameOf));
  return [...expected].filter((entry) => !present.has(nameOf(entry)));
}

function count(entries: Iterable<unknown>): number {
  let found = 0;
  for (const _ of entries) found += 1;
  return found;
}

function nameOf(entry: Revocation): string {
  return 'session' in entry ? entry.session : `${entry.subject}:${entry.mark.mark}`;
}
