import { Reflector } from '@nestjs/core';
import { RouteAccess } from './decorators/route-access.js';
import { cookieNames } from './http/cookie.js';
import { Credentials } from './http/credentials.js';
import { CrossSiteCheck } from './http/cross-site.js';
import { Delivery } from './http/delivery.js';
import { DroppedCookieWarning } from './http/dropped-cookie-warning.js';
import { ErrorAnswers } from './http/error-answers.js';
import { Arrivals } from './contexts/arrivals.js';
import { AdmittedSockets } from './contexts/admitted-sockets.js';
import { NoRefresh } from './contexts/no-refresh.js';
import { UndeliveredWarning } from './contexts/undelivered-warning.js';
import { longestDeliverable } from './http/token-size.js';
import { defaultKeyPrefix, type RefreshAuthSettings } from './options/refresh-auth-options.js';
import { Authenticator } from './sessions/authenticator.js';
import { Events } from './events/events.js';
import { LatestTokens } from './sessions/latest-tokens.js';
import { KeyAnnouncements } from './store/key-announcements.js';
import { Revocations } from './revocation/revocations.js';
import { RefreshAhead } from './sessions/refresh-ahead.js';
import { OpenSessions } from './sessions/open-sessions.js';
import { Rotation } from './sessions/rotation.js';
import { Sealer } from './sessions/sealing.js';
import type { SessionStore } from './store/session-store.js';
import { SignIns } from './sessions/sign-ins.js';
import { StoreAccess } from './store/store-access.js';
import { canList, type ListingStore, TrackedSessions } from './sessions/tracked-sessions.js';
import { UsedGenerations } from './sessions/used-generations.js';
import type { Clock } from './tokens/clock.js';
import type { Algorithm } from './tokens/algorithms.js';
import { TokenSigner } from './tokens/signing.js';
import { TokenTimes } from './tokens/token-times.js';
import { VerifiedTokens } from './tokens/verified-tokens.js';
import { type SignedParties, TokenVerifier } from './tokens/verifying.js';

/** The parts of one module, put together once. Guard, interceptor and service are thin fronts of it. */
export class RefreshAuthCore {
  readonly routeAccess: RouteAccess;
  readonly events: Events;
  readonly signer: TokenSigner;
  readonly authenticator: Authenticator;
  readonly signIns: SignIns;
  readonly revocations: Revocations;
  readonly tracked: TrackedSessions | undefined;
  readonly credentials: Credentials;
  /** For requests whose token browsers attach by themselves. */
  readonly crossSite: CrossSiteCheck;
  /** For sign-ins and sign-outs, which change the cookie. Accepts every request where there is none. */
  readonly cookieCrossSite: CrossSiteCheck;
  readonly delivery: Delivery;
  readonly answers: ErrorAnswers;
  readonly droppedCookie: DroppedCookieWarning;
  readonly noRefresh: NoRefresh;
  readonly undelivered: UndeliveredWarning;
  readonly refreshAhead: RefreshAhead | undefined;
  readonly usedGenerations: UsedGenerations | undefined;
  readonly openSessions: OpenSessions;
  readonly arrivals: Arrivals;
  readonly sockets: AdmittedSockets;
  readonly #access: StoreAccess;
  readonly #announcements: KeyAnnouncements;

  constructor(
    readonly settings: RefreshAuthSettings,
    readonly store: SessionStore,
    readonly clock: Clock,
  ) {
    const { keys, parties, lifetimes, reuseDetection, refreshAhead, legacy } = settings;
    const times = new TokenTimes(lifetimes, clock);
    const events = new Events(clock);
    const access = new StoreAccess(store, settings.storeTimeout, events, clock);
    const verifier = new TokenVerifier(keys, parties, (signed) => this.#reportSplit(signed));
    const verified = new VerifiedTokens(verifier, times);
    const signer = new TokenSigner(keys, parties, times);
    const sealer = new Sealer(keys, settings.keyPrefix);
    const latestTokens = new LatestTokens(signer, sealer, verifier, events);
    const tracked =
      settings.tracked && canList(store)
        ? new TrackedSessions(access as StoreAccess<ListingStore>, latestTokens, sealer, times)
        : undefined;

    const revocations = new Revocations(access, events, times, settings);
    const usedGenerations = reuseDetection && new UsedGenerations(access, events, reuseDetection.revokeAfter);
    const rotation = new Rotation(access, latestTokens, revocations, events, {
      ...settings,
      times,
      looksFirst: settings.reloader !== undefined || isSlowToSign(keys.signing.algorithm),
      trackedSessions: tracked,
      longestToken: longestDeliverable(settings.delivery),
    });

    // A Reflector has no state, so it need not be injected.
    this.routeAccess = new RouteAccess(new Reflector(), settings.name);
    this.events = events;
    this.signer = signer;
    this.authenticator = new Authenticator(verified, rotation, revocations, events, { usedGenerations, legacy });
    this.refreshAhead = refreshAhead && new RefreshAhead(rotation, revocations, times, refreshAhead);
    this.noRefresh = new NoRefresh(reuseDetection, settings.name);
    this.undelivered = new UndeliveredWarning(settings.name);
    this.signIns = new SignIns(access, signer, revocations, tracked);
    this.revocations = revocations;
    this.tracked = tracked;
    this.credentials = new Credentials(
      cookieNames(settings.delivery.cookie),
      (token) => this.authenticator.liveClaims(token),
      legacy && ((token) => this.authenticator.mayBeLegacy(token)),
    );
    this.crossSite = new CrossSiteCheck(settings.csrf, events);
    this.cookieCrossSite = settings.delivery.cookie ? this.crossSite : new CrossSiteCheck(undefined, events);
    this.arrivals = new Arrivals(clock);
    this.openSessions = new OpenSessions(rotation, revocations, times, settings.reloader !== undefined);
    this.sockets = new AdmittedSockets(this.credentials, this.crossSite, this.authenticator, this.openSessions);
    this.droppedCookie = new DroppedCookieWarning(settings.delivery.cookie, settings.name);
    this.answers = new ErrorAnswers(parties.issuer);
    this.delivery = new Delivery(
      settings,
      { revocations, authenticator: this.authenticator },
      this.answers,
      events,
      times,
    );
    this.#access = access;
    this.#announcements = new KeyAnnouncements(store, events, settings);
    this.usedGenerations = usedGenerations;
  }

  /** Returns why the store fails; `undefined` if it works. Asks it something small, unless it is known to be down. */
  async storeFailure(): Promise<string | undefined> {
    await this.#access.ask((asked) => asked.userCutoff('')).catch(() => undefined);
    return this.#access.failure;
  }

  /** Begins to follow the log of revocations, and to announce the keys of this process. */
  async start(): Promise<void> {
    await Promise.all([this.revocations.start(), this.#announcements.start()]);
  }

  /** Writes what is queued, and stops all timers and listeners. */
  async stop(): Promise<void> {
    this.#announcements.stop();
    this.openSessions.stop();
    this.arrivals.stop();
    await this.revocations.stop();
    await this.usedGenerations?.flush();
    this.events.complete();
  }

  /** Reports a token of processes whose default prefix is another one. Does nothing if no store is shared, or the operator chose the prefix. */
  #reportSplit(signed: SignedParties): void {
    const { name, redis, store, keyPrefix, isPrefixGiven } = this.settings;
    if (isPrefixGiven || (redis ?? store) === undefined) return;
    this.events.emit('prefix-split', { keyPrefix, other: defaultKeyPrefix(name, signed) });
  }
}

/** Returns true if a signature takes longer than Redis needs to answer, as with RSA. */
function isSlowToSign(algorithm: Algorithm): boolean {
  return algorithm.startsWith('RS') || algorithm.startsWith('PS');
}
