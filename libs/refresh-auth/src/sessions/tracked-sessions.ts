import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { isObject, type IssuedToken, type TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { effectiveTimes, type Lifetimes, retention } from '../tokens/lifetimes.js';
import type { TokenVerifier } from '../tokens/verifying.js';
import { isEndedBy } from './known-revocations.js';
import type { Sealer } from './sealing.js';
import type { SessionStore } from './session-store.js';
import type { Ask, StoreAccess } from './store-access.js';

/** A store that can list the sessions of a subject. */
export type ListingStore = SessionStore & Required<Pick<SessionStore, 'listSession' | 'listedSessions'>>;

export function canList(store: SessionStore): store is ListingStore {
  return typeof store.listSession === 'function' && typeof store.listedSessions === 'function';
}

/** A session as its user may see it in a list of devices. */
export interface SessionInfo {
  readonly sid: string;
  /** As it was given at sign-in. */
  readonly device?: string;
  /** Seconds since 1970, as all of these. */
  readonly createdAt: number;
  readonly renewedAt: number;
  /** When it ends unless it is renewed before. */
  readonly expiresAt: number;
}

interface Details {
  readonly sid: string;
  readonly device?: string;
}

/** Before the first generation: what the first token of a session replaces. */
const NOTHING = -1;
/** Details are sealed under their subject, in a place that no token has. */
const DETAILS = -1;

/** Sessions that have a record from their sign-in on: a missing record is the end of one, and they can be listed. */
export class TrackedSessions {
  constructor(
    private readonly store: ListingStore,
    private readonly access: StoreAccess,
    private readonly verifier: TokenVerifier,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly lifetimes: Lifetimes,
  ) {}

  /**
   * Begins the record of a session.
   *
   * @throws RefreshAuthError `store_unavailable`: the session has not begun
   */
  async begin({ token, claims }: IssuedToken, device: string | undefined, ask: Ask): Promise<void> {
    const { sub, sid } = claims;
    const ttl = retention(claims.refresh_exp, this.clock.now(), this.lifetimes);
    const details: Details = { sid, ...(device === undefined ? {} : { device }) };
    const candidate = { sealed: this.sealer.seal(token, claims), ttl };
    await ask(() => this.store.rotate({ sid, generation: NOTHING, candidate }));
    const sealedDetails = this.sealer.seal(JSON.stringify(details), { sid: sub, gen: DETAILS });
    await ask(() => this.store.listSession(sub, sid, ttl, sealedDetails));
  }

  /** Keeps a session listed for as long as its newest token can be exchanged. No request waits for it, and a failure costs only the listing. */
  prolong({ sub, sid, refresh_exp }: TokenClaims): void {
    const ttl = retention(refresh_exp, this.clock.now(), this.lifetimes);
    this.access
      .begin()(() => this.store.listSession(sub, sid, ttl))
      .catch(() => undefined);
  }

  /**
   * The sessions of a subject that have not ended.
   *
   * @throws RefreshAuthError `store_unavailable`
   */
  async list(sub: string): Promise<SessionInfo[]> {
    const ask = this.access.begin();
    const [listed, mark] = await Promise.all([
      ask(() => this.store.listedSessions(sub)),
      ask(() => this.store.subjectMark(sub)),
    ]);
    const sessions = await Promise.all(
      listed.map(async (sealed) => {
        const details = this.#open(sealed, sub);
        const head = details && (await ask(() => this.#head(details.sid)));
        return head && !(mark && isEndedBy(mark, head)) ? this.#describe(details, head) : undefined;
      }),
    );
    return sessions.filter((session) => session !== undefined);
  }

  #open(sealed: Uint8Array, sub: string): Details | undefined {
    const text = this.sealer.open(sealed, { sid: sub, gen: DETAILS });
    const details: unknown = text === undefined ? undefined : JSON.parse(text);
    return isObject(details) ? (details as unknown as Details) : undefined;
  }

  /** The newest token's claims, or nothing when the session has ended. */
  async #head(sid: string): Promise<TokenClaims | undefined> {
    const answer = await this.store.rotate({ sid, generation: NOTHING });
    if (answer.outcome !== 'superseded') return undefined;
    const token = this.sealer.open(answer.sealed, { sid, gen: answer.head });
    try {
      return token === undefined ? undefined : this.verifier.verify(token);
    } catch (error) {
      if (error instanceof RefreshAuthError) return undefined;
      throw error;
    }
  }

  #describe({ sid, device }: Details, head: TokenClaims): SessionInfo | undefined {
    const expiresAt = effectiveTimes(head, this.lifetimes).refreshExp;
    if (this.clock.now() / 1000 - this.lifetimes.clockTolerance >= expiresAt) return undefined;
    return {
      sid,
      ...(device === undefined ? {} : { device }),
      createdAt: head.auth_time,
      renewedAt: head.iat,
      expiresAt,
    };
  }
}
