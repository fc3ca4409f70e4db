import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { isObject, type IssuedToken, type TokenClaims } from '../tokens/claims.js';
import type { TokenTimes } from '../tokens/token-times.js';
import type { LatestTokens } from './latest-tokens.js';
import type { Sealer } from './sealing.js';
import { isEndedBy, LISTING_PAGE, type ListingPage, MOST_LISTED, type SessionStore } from '../store/session-store.js';
import type { Ask, StoreAccess } from '../store/store-access.js';

/** A store that can list the sessions of a user. */
export type ListingStore = SessionStore & Required<Pick<SessionStore, 'listedSessions' | 'replaceDetails'>>;

export function canList(store: SessionStore): store is ListingStore {
  return typeof store.listedSessions === 'function' && typeof store.replaceDetails === 'function';
}

/** A session as its user may see it in a list of devices. */
export interface SessionInfo {
  readonly sid: string;
  /** The option `device` of the sign-in. */
  readonly device?: string;
  /** In seconds since 1970, like the others. */
  readonly createdAt: number;
  readonly refreshedAt: number;
  /** When it ends unless it is refreshed before. */
  readonly expiresAt: number;
}

interface Details {
  readonly sid: string;
  readonly device?: string;
}

/** The generation that the first token of a session replaces. */
const NOTHING = -1;
/** The generation under which details are sealed. No token has it. */
const DETAILS = -1;

/** Begins, lists and describes sessions that have a record from their sign-in on. Such a session has ended if its record is missing. */
export class TrackedSessions {
  constructor(
    private readonly access: StoreAccess<ListingStore>,
    private readonly latestTokens: LatestTokens,
    private readonly sealer: Sealer,
    private readonly times: TokenTimes,
  ) {}

  /**
   * Begins the record of a session, and lists it.
   *
   * @returns `undefined` if it has begun; else the cutoff of its user, which ends it: mint the token again with that as its `rev`
   * @throws RefreshAuthError `store_unavailable`: the session is not known to have begun; `session_revoked`: it has ended already
   */
  async begin({ token, claims }: IssuedToken, device: string | undefined, ask: Ask): Promise<number | undefined> {
    const { sub, sid, rev } = claims;
    const answer = await ask((store) =>
      store.rotate({
        sid,
        sub,
        rev,
        tracked: true,
        generation: NOTHING,
        candidate: {
          sealed: this.sealer.seal(token, claims),
          ttl: this.times.retention(claims.refresh_exp),
        },
        details: this.sealDetails(claims, device),
      }),
    );
    if (answer.outcome === 'rotated') return undefined;
    if (answer.outcome === 'revoked' && answer.cutoff !== undefined) return answer.cutoff;
    throw new RefreshAuthError('session_revoked');
  }

  /** Seals the details that the list shows of a session. */
  sealDetails({ sid, sub }: Pick<TokenClaims, 'sid' | 'sub'>, device?: string): Uint8Array {
    const details: Details = { sid, ...(device === undefined ? {} : { device }) };
    return this.sealer.seal(JSON.stringify(details), { sid: sub, gen: DETAILS });
  }

  /** The first bytes of all details that are sealed with the current key. */
  get currentSeal(): Uint8Array {
    return this.sealer.currentSeal;
  }

  /**
   * Seals the details of a session with the current key, so that the former key can be removed. If that fails, the next refresh tries again.
   */
  async sealAnew({ sid, sub }: TokenClaims, sealed: Uint8Array, ask: Ask): Promise<void> {
    const place = { sid: sub, gen: DETAILS };
    try {
      const text = this.sealer.open(sealed, place);
      if (text === undefined) return;
      const details = this.sealer.seal(text, place);
      await ask((store) => store.replaceDetails?.({ sid, sub }, sealed, details) ?? Promise.resolve());
    } catch (error) {
      if (!(error instanceof RefreshAuthError)) throw error;
    }
  }

  /**
   * Lists the sessions of a user that have not ended, among the 5,000 that end last. Asks the store once for each 500 of these, and for all of
   * them within one `storeTimeout`.
   *
   * @throws RefreshAuthError `store_unavailable`
   */
  async list(sub: string): Promise<SessionInfo[]> {
    const ask = this.access.begin();
    // Keyed by `sid`, since a session that is refreshed between two pages may come twice.
    const opened = new Map<string, { details: Details; latest: TokenClaims }>();
    let page: ListingPage | undefined;
    for (let pages = 0; pages < MOST_LISTED / LISTING_PAGE; pages++) {
      const after = page?.next;
      page = await ask((store) => store.listedSessions(sub, after));
      for (const session of page.sessions) {
        const details = this.#open(session.details, sub);
        const latest = details && this.latestTokens.read({ sid: details.sid, gen: session.latest }, session.sealed);
        if (latest) opened.set(details.sid, { details, latest: latest.claims });
      }
      if (page.next === undefined) break;
    }
    const cutoff = page?.cutoff;
    return [...opened.values()].flatMap(({ details, latest }) =>
      cutoff && isEndedBy(cutoff, latest) ? [] : (this.#describe(details, latest) ?? []),
    );
  }

  #open(sealed: Uint8Array, sub: string): Details | undefined {
    const text = this.sealer.open(sealed, { sid: sub, gen: DETAILS });
    const details: unknown = text === undefined ? undefined : JSON.parse(text);
    return isObject(details) ? (details as unknown as Details) : undefined;
  }

  #describe({ sid, device }: Details, latest: TokenClaims): SessionInfo | undefined {
    const expiresAt = this.times.of(latest).refreshExp;
    if (this.times.now / 1000 - this.times.lifetimes.clockTolerance >= expiresAt) return undefined;
    return {
      sid,
      ...(device === undefined ? {} : { device }),
      createdAt: latest.auth_time,
      refreshedAt: latest.iat,
      expiresAt,
    };
  }
}
