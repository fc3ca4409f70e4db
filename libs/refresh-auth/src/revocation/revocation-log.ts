import type { Clock } from '../tokens/clock.js';
import type { Events } from '../events/events.js';
import type { KnownRevocations } from './known-revocations.js';
import {
  type Revocation,
  type RevocationPage,
  type RevocationTtl,
  type SessionStore,
  StoreError,
} from '../store/session-store.js';
import type { StoreAccess } from '../store/store-access.js';

/** A store that keeps a log of revocations and rings when something is appended. */
export type PushingStore = SessionStore & Required<Pick<SessionStore, 'revocationsAfter' | 'onRevocation'>>;

export function canPush(store: SessionStore): store is PushingStore {
  return typeof store.revocationsAfter === 'function' && typeof store.onRevocation === 'function';
}

/** How long what was read may answer for the store, in milliseconds. */
const FRESH_FOR = 5_000;
const POLL_INTERVAL = 2_000;
/** How many entries are written back at once. */
const MOST_RESTORED = 1_000;
/** Entries may become visible a little later than they are stamped, and the clock of a store may move at a failover. */
const OVERLAP = 60_000;
/** Of a notification, which can ring many times a second in each of many processes: what was visible later than that is found by the next poll. */
const NOTIFICATION_OVERLAP = 1_000;

/** Between two readings the wall clock and the monotonic one differ by milliseconds, unless one of them was set, or stood still. */
const JUMP = 1_000;

/**
 * Follows the log of revocations, so that valid tokens are checked in memory. Pub/sub is only the notification: whenever it rings, after
 * each (re)connect and at least every 2 s, the log is read from where the last reading ended. What may have come late, or been lost, is
 * looked for every 2 s.
 */
export class RevocationLog {
  /** The position up to which the log was read. */
  #cursor = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  /** By how much the wall clock was ahead of the monotonic one at the last reading. */
  #lead = Number.NaN;
  /** The longest times that any process has asked for, this one included. */
  #longest: RevocationTtl;
  #reading: Promise<void> | undefined;
  /** The longest overlap that was asked for meanwhile. */
  #wanted = 0;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;
  /** Why the notification was refused, the last time that it was. */
  #silence: string | undefined;

  constructor(
    private readonly access: StoreAccess<PushingStore>,
    private readonly events: Events,
    private readonly known: KnownRevocations,
    private readonly clock: Clock,
    /** For which this process's own tokens ask. */
    private readonly ttl: RevocationTtl,
  ) {
    this.#longest = ttl;
  }

  /** Whether what is known here is all there is. */
  get isFresh(): boolean {
    return this.clock.monotonic() - this.#readAt < FRESH_FOR && !this.#hasJumped && !this.known.isIncomplete;
  }

  /** How long what a revocation writes must be kept: as long as the tokens of any process that shares the store live. */
  get longest(): RevocationTtl {
    return this.#longest;
  }

  /** Begins to follow; fulfilled after the first reading, whether or not the store answered. */
  async start(): Promise<void> {
    try {
      this.#unsubscribe = this.access.store.onRevocation(
        () => void this.#follow(NOTIFICATION_OVERLAP),
        (reason) => this.#reportSilence(reason),
      );
    } catch (error) {
      this.#reportSilence(error instanceof Error ? error.message : 'unknown');
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

  /** Told once, however often the store is asked again: until it rings, what others revoke is learned from the polls. */
  #reportSilence(reason: string): void {
    if (reason === this.#silence) return;
    this.#silence = reason;
    this.events.emit('subscription-failed', { reason });
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
    try {
      if (this.#hasJumped) this.#cursor = 0;
      const lead = this.#currentLead;
      const countedFrom = this.#countedFrom;
      const { page, askedAt } = await this.#readAll(Math.max(0, this.#cursor - overlap * 1000), countedFrom);
      // The same span on both sides: all that was in it is known here, so that the log has lost what it has less.
      if (overlap === OVERLAP && count(this.known.after(countedFrom)) > page.count) await this.#restore(countedFrom);
      if (isLonger(this.ttl, page.longest)) await this.#write([]);
      this.#readAt = askedAt;
      this.#lead = lead;
    } catch {
      // Reported by whoever asked the store; what was read ages, and the next notification or poll tries again from where this reading got to.
    }
  }

  /** Reads pages to the end of the log, each within a deadline of its own. */
  async #readAll(position: number, countedFrom: number, seen?: Set<string>): Promise<LastPage> {
    for (let from: number | undefined = position; ;) {
      const askedAt = this.clock.monotonic();
      const page: RevocationPage = await this.#read(from, countedFrom);
      for (const entry of page.entries) seen?.add(nameOf(entry));
      // A store whose clock has moved back, as at a failover, stamps new entries before the cursor.
      from = from > page.now * 1000 && from === position ? 0 : page.next;
      if (from === undefined) return { page, askedAt };
    }
  }

  /** The entries of a page are known from then on, even if it comes too late for its deadline, or from a store that may be of the past. */
  #read(from: number, countedFrom: number): Promise<RevocationPage> {
    return this.access.insist()(async (store) => {
      const page = await store.revocationsAfter(from, countedFrom);
      for (const entry of page.entries) this.known.add(entry, page.now - entry.at / 1000);
      if (page.stale !== undefined) throw new StoreError(page.stale);
      this.#cursor = page.next ?? page.now * 1000;
      this.access.tell(page.now);
      this.#longest = longer(this.ttl, page.longest);
      return page;
    });
  }

  /** A failover or FLUSHALL took entries with it that other processes may never have seen. */
  async #restore(countedFrom: number): Promise<void> {
    const seen = new Set<string>();
    await this.#readAll(0, countedFrom, seen);
    const lost = [...this.known.after(countedFrom)].filter((entry) => !seen.has(nameOf(entry)));
    for (let i = 0; i < lost.length; i += MOST_RESTORED) await this.#write(lost.slice(i, i + MOST_RESTORED));
  }

  async #write(entries: readonly Revocation[]): Promise<void> {
    await this.access.insist()(async (store) => store.restoreRevocations?.(entries, this.#longest));
  }

  /** A position behind which the log still has all that it ever had, and this process knows all that it has. */
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
  /** On the monotonic clock: what was appended before is known. */
  readonly askedAt: number;
}

function longer(one: RevocationTtl, other: RevocationTtl): RevocationTtl {
  return { record: Math.max(one.record, other.record), log: Math.max(one.log, other.log) };
}

function isLonger(one: RevocationTtl, other: RevocationTtl): boolean {
  return one.record > other.record || one.log > other.log;
}

function count(entries: Iterable<unknown>): number {
  let found = 0;
  for (const _ of entries) found += 1;
  return found;
}

function nameOf(entry: Revocation): string {
  return 'session' in entry ? entry.session : `${entry.user}:${entry.cutoff.time}`;
}
