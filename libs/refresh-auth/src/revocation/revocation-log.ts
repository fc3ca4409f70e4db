import type { Clock } from '../tokens/clock.js';
import type { KnownRevocations } from './known-revocations.js';
import type { RevocationEvents } from './revocation-events.js';
import {
  longest,
  type Revocation,
  type RevocationPage,
  type RevocationTtl,
  type SessionStore,
  StoreError,
} from '../store/session-store.js';
import type { StoreAccess } from '../store/store-access.js';

/** A store that keeps a log of revocations and notifies when something is appended. */
export type PushingStore = SessionStore & Required<Pick<SessionStore, 'revocationsAfter' | 'onRevocation'>>;

export function canPush(store: SessionStore): store is PushingStore {
  return typeof store.revocationsAfter === 'function' && typeof store.onRevocation === 'function';
}

/** How long after a reading memory may answer instead of the store, in milliseconds. */
const FRESH_FOR = 5_000;
const POLL_INTERVAL = 2_000;
/** The most entries that are written back at once. */
const MOST_RESTORED = 1_000;
/** A poll reads this much again, in milliseconds: entries may become visible later than they are stamped, and a failover may move the clock. */
const OVERLAP = 60_000;
/** A notification, which can come many times a second, reads only this much again. The next poll finds what became visible later. */
const NOTIFICATION_OVERLAP = 1_000;

/** If the wall clock and the monotonic clock move apart by this much between readings, in milliseconds, one was set or the other paused. */
const JUMP = 1_000;

/**
 * Follows the log of revocations, so that valid tokens are checked in memory. The log is read from where the last reading ended: after each
 * notification and each (re)connect, and every 2 s. The latter also finds entries that came late or were lost.
 */
export class RevocationLog {
  /** The position up to which the log was read. */
  #cursor = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  /** True once everything was read that had been appended before this process started. */
  #hasCaughtUp = false;
  /** The difference between the wall clock and the monotonic clock at the last reading, in milliseconds. */
  #lead = Number.NaN;
  /** The longest times that any process has asked for, this one included. */
  #longest: RevocationTtl;
  #reading: Promise<void> | undefined;
  /** The longest overlap that was asked for during a reading. */
  #wanted = 0;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;

  constructor(
    private readonly access: StoreAccess<PushingStore>,
    private readonly events: RevocationEvents,
    private readonly known: KnownRevocations,
    private readonly clock: Clock,
    /** How long revocations matter to this process's own tokens. */
    private readonly ttl: RevocationTtl,
  ) {
    this.#longest = ttl;
  }

  /** True if every revocation is known here. */
  get isFresh(): boolean {
    return this.clock.monotonic() - this.#readAt < FRESH_FOR && !this.#hasJumped && !this.known.isIncomplete;
  }

  /** How long a revocation must be kept: as long as the tokens of any process that shares the store live. */
  get longest(): RevocationTtl {
    return this.#longest;
  }

  /** Begins to follow. Resolves after the first reading, even if the store did not answer. */
  async start(): Promise<void> {
    try {
      this.#unsubscribe = this.access.store.onRevocation(
        () => void this.#follow(NOTIFICATION_OVERLAP),
        (reason) => this.events.unsubscribed(reason),
      );
    } catch (error) {
      this.events.unsubscribed(error instanceof Error ? error.message : 'unknown');
    }
    this.#timer = setInterval(() => void this.read(), POLL_INTERVAL).unref();
    await this.read();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#unsubscribe?.();
    await this.#reading;
  }

  /** Reads new and late entries, and writes lost ones back. */
  read(): Promise<void> {
    return this.#follow(OVERLAP);
  }

  /** Runs one reading at a time. Calls during a reading cause one more reading after it; they return the promise of the current one. */
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
    try {
      if (this.#hasJumped) this.#cursor = 0;
      const lead = this.#currentLead;
      const countedFrom = this.#countedFrom;
      const { page, askedAt } = await this.#readAll(Math.max(0, this.#cursor - overlap * 1000), countedFrom);
      // Both counts cover the same span, of which everything is known here. If the log has fewer entries, it has lost some.
      if (overlap === OVERLAP && this.known.after(countedFrom).length > page.count) await this.#restore(countedFrom);
      if (isLonger(this.ttl, page.longest)) await this.#write([]);
      this.#readAt = askedAt;
      this.#hasCaughtUp = true;
      this.#lead = lead;
    } catch {
      // The store's failure is reported where it was asked. The next notification or poll goes on from where this reading stopped.
    }
  }

  /** Reads all pages to the end of the log, each within a deadline of its own. */
  async #readAll(position: number, countedFrom: number, seen?: Set<string>): Promise<LastPage> {
    for (let from: number | undefined = position; ;) {
      const askedAt = this.clock.monotonic();
      const page: RevocationPage = await this.#read(from, countedFrom);
      for (const entry of page.entries) seen?.add(entryOf(entry));
      // After a failover the store's clock may be behind the cursor, and new entries are stamped before it.
      from = from > page.now * 1000 && from === position ? 0 : page.next;
      if (from === undefined) return { page, askedAt };
    }
  }

  /** Reads a page. Its entries count even if it misses its deadline, or comes from a store that may be stale. */
  #read(from: number, countedFrom: number): Promise<RevocationPage> {
    return this.access.insist()(async (store) => {
      const page = await store.revocationsAfter(from, countedFrom);
      for (const entry of page.entries) {
        const isNew = this.known.add(entry, page.now - entry.at / 1000);
        if (isNew && this.#hasCaughtUp) this.events.learned(entry);
      }
      if (page.stale !== undefined) throw new StoreError(page.stale);
      this.#cursor = page.next ?? page.now * 1000;
      this.access.tell(page.now);
      this.#longest = longest(this.ttl, page.longest);
      return page;
    });
  }

  /** Writes back the entries that a failover or FLUSHALL removed, since other processes may not have seen them. */
  async #restore(countedFrom: number): Promise<void> {
    const seen = new Set<string>();
    await this.#readAll(0, countedFrom, seen);
    const lost = this.known.after(countedFrom).filter((entry) => !seen.has(entryOf(entry)));
    for (let i = 0; i < lost.length; i += MOST_RESTORED) await this.#write(lost.slice(i, i + MOST_RESTORED));
  }

  async #write(entries: readonly Revocation[]): Promise<void> {
    await this.access.insist()(async (store) => store.restoreRevocations?.(entries, this.#longest));
  }

  /** The position after which nothing has been trimmed, and everything was read here. */
  get #countedFrom(): number {
    return Math.max(0, ((this.access.storeNow ?? 0) - this.ttl.log + OVERLAP) * 1000);
  }

  get #currentLead(): number {
    return this.clock.now() - this.clock.monotonic();
  }

  get #hasJumped(): boolean {
    return Math.abs(this.#currentLead - this.#lead) > JUMP;
  }
}

interface LastPage {
  readonly page: RevocationPage;
  /** When the page was asked for, on the monotonic clock. Everything that was appended before is known. */
  readonly askedAt: number;
}

function isLonger(one: RevocationTtl, other: RevocationTtl): boolean {
  return one.record > other.record || one.log > other.log;
}

/** Names an entry apart from its position. A user's later cutoff is another entry. */
function entryOf(entry: Revocation): string {
  return 'session' in entry ? entry.session : `${entry.user}:${entry.cutoff.time}`;
}
