import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Revocations } from '../revocation/revocations.js';
import type { Revocation } from '../store/session-store.js';
import type { TokenClaims } from '../tokens/claims.js';
import { tagIn } from '../tokens/session-id.js';
import type { TokenTimes } from '../tokens/token-times.js';
import type { Authentication } from './authenticator.js';
import type { Rotation } from './rotation.js';

/** How often open sessions are checked for those that are due, in milliseconds. The times of tokens are whole seconds. */
const TICK = 1_000;

/** Something that lives as long as its session, such as a socket or a stream. */
export interface Connection {
  /** Is called once, when the session ends or its latest token can no longer be refreshed. Must not throw. */
  end(reason: RefreshAuthError): void;
}

/** A session with open connections in this process. */
export interface OpenSession {
  /** The claims of the latest token that this process knows, with the application's own claims as they were last reloaded. */
  readonly claims: TokenClaims;
}

class Session implements OpenSession {
  readonly connections = new Set<Connection>();
  /** Why it has ended. */
  ended: RefreshAuthError | undefined;
  /** True while the store or the application is asked. */
  isAsking = false;
  /** True while it is not known if the latest token can still be refreshed, because the store was asked and did not answer. */
  isUndecided = false;

  constructor(
    public claims: TokenClaims,
    /** When the claims are to be reloaded, in milliseconds on the monotonic clock. */
    public reloadAt: number,
  ) {}
}

/**
 * Decides how long open connections live: as long as their session, on every node, and no longer than its latest token can be refreshed. A
 * message asks memory only. There is one record per session, whatever the number of its connections, and one timer for all.
 */
export class OpenSessions {
  /** Keyed by the user's tag, with which the names of the user and of its sessions begin. A user has few sessions. */
  readonly #byTag = new Map<string, Session[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly rotation: Pick<Rotation, 'latest' | 'reload'>,
    private readonly revocations: Revocations,
    private readonly times: TokenTimes,
    /** True if the claims of users are reloaded: the option `reloadClaims`. */
    private readonly reloads: boolean,
  ) {
    revocations.listen((revocation) => this.#endRevoked(revocation));
  }

  /** The number of sessions with open connections. */
  get size(): number {
    return [...this.#byTag.values()].reduce((count, { length }) => count + length, 0);
  }

  /** Ends a connection together with the session of these claims: at once if that has ended already. */
  join(claims: TokenClaims, connection: Connection): OpenSession {
    const session = this.#find(claims.sid) ?? this.#begin(claims);
    this.renew(session, claims);
    session.connections.add(connection);
    if (this.revocations.ends(claims)) this.#end(session, 'session_revoked');
    else this.#endIfOver(session);
    return session;
  }

  /** Forgets a connection that has closed by itself, and its session with the last one. */
  leave(session: OpenSession, connection: Connection): void {
    const left = session as Session;
    if (left.connections.delete(connection) && left.connections.size === 0) this.#forget(left);
  }

  /** Replaces the claims of a session by those of a newer token. */
  renew(session: OpenSession, claims: TokenClaims): void {
    const renewed = session as Session;
    if (claims.gen <= renewed.claims.gen) return;
    renewed.claims = claims;
    renewed.isUndecided = false;
  }

  /**
   * Decides on a message. Looks at memory only.
   *
   * @throws RefreshAuthError why the session has ended; `store_unavailable` while this process cannot know that it goes on, although its
   *   token has expired
   */
  check(session: OpenSession): Authentication {
    const { claims, ended, isUndecided } = session as Session;
    if (ended) throw ended;
    const state = this.times.state(claims);
    if (state === 'session_expired') throw new RefreshAuthError(state);
    if (state === 'valid') return { state, claims };
    if (isUndecided || !this.revocations.isFresh) throw new RefreshAuthError('store_unavailable');
    return { state: 'refreshable', claims };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#byTag.clear();
  }

  #find(sid: string): Session | undefined {
    return this.#byTag.get(tagIn(sid))?.find(({ claims }) => claims.sid === sid);
  }

  #begin(claims: TokenClaims): Session {
    const session = new Session(claims, this.#nextReload(claims));
    const tag = tagIn(claims.sid);
    this.#byTag.set(tag, [...(this.#byTag.get(tag) ?? []), session]);
    this.#timer ??= setInterval(() => this.#tick(), TICK).unref();
    return session;
  }

  #forget(session: Session): void {
    const tag = tagIn(session.claims.sid);
    const left = this.#byTag.get(tag)?.filter((other) => other !== session) ?? [];
    if (left.length > 0) this.#byTag.set(tag, left);
    else this.#byTag.delete(tag);
    if (this.#byTag.size === 0) this.stop();
  }

  #end(session: Session, code: RefreshAuthError['code']): void {
    if (session.ended) return;
    session.ended = new RefreshAuthError(code);
    this.#forget(session);
    const connections = [...session.connections];
    session.connections.clear();
    for (const connection of connections) connection.end(session.ended);
  }

  #endRevoked(revocation: Revocation): void {
    const tag = tagIn('session' in revocation ? revocation.session : revocation.user);
    for (const session of this.#byTag.get(tag) ?? []) {
      if (this.revocations.ends(session.claims)) this.#end(session, 'session_revoked');
    }
  }

  /** Compares with the clock at each tick, so that nothing is late after the clock was set or the machine slept. */
  #tick(): void {
    const now = this.times.clock.monotonic();
    for (const sessions of this.#byTag.values()) {
      for (const session of sessions) {
        if (session.isAsking || this.#endIfOver(session)) continue;
        if (this.times.state(session.claims) === 'token_expired')
          void this.#ask(session, () => this.#findLatest(session));
        else if (now >= session.reloadAt) void this.#ask(session, () => this.#reload(session));
      }
    }
  }

  /** Ends a session whose lifetime is over. No store can prolong it. */
  #endIfOver(session: Session): boolean {
    const isOver = this.times.state(session.claims) === 'session_expired';
    if (isOver) this.#end(session, 'session_expired');
    return isOver;
  }

  async #ask(session: Session, question: () => Promise<void>): Promise<void> {
    session.isAsking = true;
    await question();
    session.isAsking = false;
  }

  /** Asks the store for the latest token, once the token that is known here can no longer be refreshed. */
  async #findLatest(session: Session): Promise<void> {
    try {
      this.renew(session, await this.rotation.latest(session.claims));
    } catch (error) {
      if (isDead(error)) this.#end(session, error.code);
      // An outage is not a logout. The next tick asks again.
      else session.isUndecided = true;
      return;
    }
    if (this.#endIfOver(session)) return;
    if (this.times.state(session.claims) === 'token_expired') this.#end(session, 'token_expired');
  }

  async #reload(session: Session): Promise<void> {
    const { claims } = session;
    session.reloadAt = this.#nextReload(claims);
    try {
      const fresh = await this.rotation.reload(claims);
      // A newer token has come meanwhile. Its claims were reloaded when it was signed.
      if (session.claims === claims) session.claims = fresh;
    } catch (error) {
      // Otherwise the application could not answer, which is not a logout.
      if (isDead(error)) this.#end(session, error.code);
    }
  }

  /** Returns when to reload next, spread by a tenth, so that sockets that were opened together, as after a restart, do not ask together. */
  #nextReload({ expires_in = Number.POSITIVE_INFINITY }: TokenClaims): number {
    if (!this.reloads) return Number.POSITIVE_INFINITY;
    const interval = Math.min(expires_in, this.times.lifetimes.expiresIn) * 1000;
    return this.times.clock.monotonic() + interval * (1 - Math.random() / 10);
  }
}

function isDead(error: unknown): error is RefreshAuthError {
  return error instanceof RefreshAuthError && error.isDeadToken;
}
