import { Logger } from '@nestjs/common';
import { moduleTitle } from '../errors/module-title.js';
import type { CrossSiteSettings } from '../http/cross-site.js';
import type { DeliverySettings } from '../http/delivery-settings.js';
import { ClaimsReloader, type ReloadClaims } from '../sessions/claims-reloader.js';
import { type Legacy, LegacyTokens } from '../sessions/legacy-tokens.js';
import type { RefreshAheadRule } from '../sessions/refresh-ahead.js';
import type { RedisOption } from '../store/redis/redis-option.js';
import type { RevocationMode, StoreFailurePolicy } from '../revocation/revocations.js';
import type { ReusePolicy } from '../sessions/rotation.js';
import type { SessionStore } from '../store/session-store.js';
import type { KeyRing } from '../tokens/keys.js';
import type { Lifetimes } from '../tokens/token-times.js';
import { hashed } from '../tokens/session-id.js';
import type { Parties, SignedParties } from '../tokens/verifying.js';
import { type CrossSiteOptions, readCrossSite } from './cross-site-options.js';
import { type DeliveryOptions, readDelivery } from './delivery-options.js';
import type { Duration } from './duration.js';
import { createKeyRing, type KeyOptions, type UncheckedKeyOptions } from './key-options.js';
import { checkPlaces } from './misplaced-options.js';
import { OptionReader } from './option-reader.js';

/**
 * The option `reuseDetection`. A superseded token is judged by its age: how long its request arrived after the later of two moments, the
 * token's expiry and the first use of a newer token (RFC 9700 section 4.14.2).
 */
export interface ReuseDetectionOptions {
  /** Up to this age, the latest token is handed over. At most 60 s. @default '30s' */
  grace?: Duration | undefined;
  /**
   * Up to this age, the token is rejected (401 `token_superseded`), and the session lives on. From it on, the token counts as stolen (401
   * `token_reused`). From `grace` to `refreshWindow`. @default '30m', or `refreshWindow` if that is shorter
   */
  revokeAfter?: Duration | undefined;
  /** `'revoke'` ends the session of a stolen token; `'reject'` only rejects the token. @default 'revoke' */
  onReuse?: 'revoke' | 'reject' | undefined;
  /**
   * Accepts the header `Refresh-Auth: no-refresh`, with which servers that act for a user are served without a new token. A thief who sends
   * it is not detected while the user is away. @default false
   */
  allowNoRefresh?: boolean | undefined;
}

/** Options of `RefreshAuthModule.forRoot()`. Everything is checked at boot. An option that is `undefined` has its default. */
export interface RefreshAuthOptions {
  /** One HS256 key without `kid`: at least 32 random bytes, as a string (UTF-8) or bytes. Either `secret` or `keys` is required. */
  secret?: string | Uint8Array | undefined;
  /** Several keys, or other algorithms. The first key signs. Each key verifies only its own algorithm. @default none */
  keys?: KeyOptions[] | undefined;
  /** How long a token is valid, from `iat`. @default '15m' */
  expiresIn?: Duration | undefined;
  /** How long a token can be refreshed, from `iat`; longer than `expiresIn`. @default '7d' */
  refreshWindow?: Duration | undefined;
  /** How long a session can last, from `auth_time`; `false`: no limit. Not shorter than `refreshWindow`. @default '30d' */
  sessionLifetime?: Duration | false | undefined;
  /**
   * How long after `exp` and `refresh_exp` a token is still accepted, at most 300 s. The clocks of processes may differ by this, and by 60 s
   * in any case. @default 0
   */
  clockTolerance?: Duration | undefined;
  /** Signed as `iss` and required of every token (RFC 7519 section 4.1.1). @default none */
  issuer?: string | undefined;
  /** Signed as `aud` and required of every token (RFC 7519 section 4.1.3). @default none */
  audience?: string | undefined;
  /** Redis 6.2 or newer, or Valkey: a URL, options of ioredis, or a `Redis` or `Cluster` of the application. @default none: sessions are kept in memory */
  redis?: RedisOption | undefined;
  /** A store of your own. @default in memory */
  store?: SessionStore | undefined;
  /**
   * The beginning of every key in Redis. Processes that accept each other's tokens need the same; others need different ones.
   * @default 'refresh-auth', followed by `:<name>` for a module with a name, and by `:<hash>` with an `issuer` or `audience`
   */
  keyPrefix?: string | undefined;
  /** How long the guard, or a call of the service, waits for the store, whatever the client's settings: a string with a unit. @default '500ms' */
  storeTimeout?: string | undefined;
  /**
   * The answer to an expired token while the store is down, or answers with an error. `'reject'`: 503. `'tolerate'`: the request is served, and
   * nothing is refreshed. Under `revocation: 'every-request'`, the same holds for a valid token. @default 'reject'
   */
  onStoreFailure?: StoreFailurePolicy | undefined;
  /**
   * Detects superseded tokens that somebody else uses. `false`: a superseded token works, and is handed the latest one, for its whole refresh
   * window.
   * @default false
   */
  reuseDetection?: false | ReuseDetectionOptions | undefined;
  /**
   * How a process learns that the session of a valid token has ended. `'pushed'`: the store pushes revocations to every process, and the token
   * is checked in memory. `'every-request'`: the store is asked about each HTTP request and each handshake of a socket. Messages over an
   * admitted socket ask memory only, under both. @default 'pushed'
   */
  revocation?: RevocationMode | undefined;
  /**
   * How many replicas of Redis must have a revocation, in addition to its primary, so that it survives the loss of the primary: an integer
   * from 0 on. If fewer have it within `storeTimeout`, the answer is 503 `store_unavailable`; the revocation is in force all the same, and
   * repeating it is safe. Needs `redis`. @default 0
   */
  revocationReplicas?: number | undefined;
  /**
   * Refreshes a valid token in the last part of its life, without delaying the request. That part is a fraction of its life (a number below
   * 1), or a duration that is shorter than `expiresIn`. @default off
   */
  refreshAhead?: Duration | undefined;
  /** Loads the claims anew at each refresh, or ends the session with `null`. @default none: a successor has the claims of its predecessor */
  reloadClaims?: ReloadClaims | undefined;
  /** How long `reloadClaims` and `legacy` may take: a string with a unit. @default '2s' */
  reloadTimeout?: string | undefined;
  /**
   * Accepts tokens of the application's earlier login, while clients still have them: see docs/migration. The guard serves the request, and
   * the response carries a token of the library. All who present the same old token share one session, which ends like any other. Needs a
   * `sessionLifetime` that is not shorter than the old tokens live. @default none
   */
  legacy?: Legacy | undefined;
  /**
   * `'tracked'`: sessions have a record in the store from their sign-in on, can be listed, and end when the record is lost. @default 'untracked'
   */
  sessions?: 'untracked' | 'tracked' | undefined;
  /** Where the new token is written. @default the header `Authorization: Bearer …` and the cookie `__Host-authorization` */
  delivery?: DeliveryOptions | undefined;
  /**
   * Refuses requests that a page of another origin triggers with the cookie, and its sign-ins and sign-outs. `trustedOrigins` lists origins
   * that are treated like your own. `false` turns the check off. @default on, without trusted origins
   */
  csrf?: CrossSiteOptions | false | undefined;
}

/** The options, complete and checked. */
export interface RefreshAuthSettings {
  readonly name: string | undefined;
  readonly keys: KeyRing;
  readonly parties: Parties;
  readonly lifetimes: Lifetimes;
  readonly redis: RedisOption | undefined;
  readonly store: SessionStore | undefined;
  readonly keyPrefix: string;
  /** True if the option `keyPrefix` was given. */
  readonly isPrefixGiven: boolean;
  readonly storeTimeout: number;
  readonly onStoreFailure: StoreFailurePolicy;
  readonly reuseDetection: ReusePolicy;
  readonly revocation: RevocationMode;
  readonly revocationReplicas: number;
  readonly refreshAhead: RefreshAheadRule | undefined;
  readonly reloader: ClaimsReloader | undefined;
  readonly legacy: LegacyTokens | undefined;
  readonly tracked: boolean;
  readonly delivery: DeliverySettings;
  readonly csrf: CrossSiteSettings;
}

/** Every option, so that the compiler finds one that is missing here. */
const OPTIONS: Readonly<Record<keyof RefreshAuthOptions, true>> = {
  secret: true,
  keys: true,
  expiresIn: true,
  refreshWindow: true,
  sessionLifetime: true,
  clockTolerance: true,
  issuer: true,
  audience: true,
  redis: true,
  store: true,
  keyPrefix: true,
  storeTimeout: true,
  onStoreFailure: true,
  reuseDetection: true,
  revocation: true,
  revocationReplicas: true,
  refreshAhead: true,
  reloadClaims: true,
  reloadTimeout: true,
  legacy: true,
  sessions: true,
  delivery: true,
  csrf: true,
};

const LONGEST_TOLERANCE = 300;
const LONGEST_GRACE = 60;

const NAMES = Object.keys(OPTIONS) as (keyof RefreshAuthOptions)[];
type Options = Readonly<Record<keyof RefreshAuthOptions, OptionReader>>;

/**
 * Completes and checks the options.
 *
 * @throws RefreshAuthOptionsError that names the option, what is wrong with it and what to write instead
 */
export function resolveOptions(given: RefreshAuthOptions, name?: string): RefreshAuthSettings {
  checkName(new OptionReader(name, 'name'));
  const call = moduleTitle(name);
  checkPlaces(given, call);
  const options = new OptionReader(given, '', call).object(NAMES);
  const { redis, store, keyPrefix } = options;
  if (redis.isGiven && store.isGiven) store.fail('is given beside `redis`', 'Keep one of them.');
  const lifetimes = readLifetimes(options);
  const parties = {
    ...(options.issuer.isGiven && { issuer: readParty(options.issuer) }),
    ...(options.audience.isGiven && { audience: readParty(options.audience) }),
  };
  return {
    name,
    keys: readKeys({ ...given, name }),
    parties,
    lifetimes,
    // Checked where the connection is made.
    redis: given.redis,
    store: store.isGiven ? readStore(store) : undefined,
    keyPrefix: readKeyPrefix(keyPrefix.or(defaultKeyPrefix(name, parties))),
    isPrefixGiven: keyPrefix.isGiven,
    storeTimeout: options.storeTimeout.or('500ms').milliseconds(),
    onStoreFailure: options.onStoreFailure.or('reject').choice(['reject', 'tolerate']),
    reuseDetection: readReuseDetection(options.reuseDetection.or(false), lifetimes),
    revocation: options.revocation.or('pushed').choice(['pushed', 'every-request']),
    revocationReplicas: readReplicas(options.revocationReplicas.or(0), redis),
    refreshAhead: options.refreshAhead.isGiven ? readRefreshAhead(options.refreshAhead, lifetimes) : undefined,
    reloader: readReloader(options.reloadClaims, options.reloadTimeout.or('2s'), call),
    legacy: readLegacy(options.legacy, options.reloadTimeout.or('2s'), lifetimes, call),
    tracked: options.sessions.or('untracked').choice(['untracked', 'tracked']) === 'tracked',
    delivery: readDelivery(options.delivery),
    csrf: readCrossSite(options.csrf),
  };
}

/** Rejects a name that may be a secret, which has at least 32 characters: all errors and log lines show the name. */
function checkName(option: OptionReader): void {
  if (option.isGiven && !/^[\w-]{1,31}$/.test(option.value as string))
    option.fail('is not a name', "Write at most 31 letters, digits, '-' and '_': errors and log lines show it.");
}

function readParty(option: OptionReader): string {
  const { value } = option;
  if (typeof value === 'string' && value.trim() !== '') return value;
  return option.fail('is not a non-empty string', 'Write one string: patterns and lists are not supported.');
}

function readLifetimes(options: Options): Lifetimes {
  const token = options.expiresIn.or('15m');
  const window = options.refreshWindow.or('7d');
  const session = options.sessionLifetime.or('30d');
  const expiresIn = token.seconds();
  const refreshWindow = window.seconds();
  const sessionLifetime = session.value === false ? Number.POSITIVE_INFINITY : session.seconds();
  const clockTolerance = options.clockTolerance.or(0).seconds(0);
  if (refreshWindow <= expiresIn) failAsTooShort(window, refreshWindow, token, expiresIn);
  if (sessionLifetime < refreshWindow) failAsTooShort(session, sessionLifetime, window, refreshWindow);
  if (clockTolerance > LONGEST_TOLERANCE) {
    options.clockTolerance.fail(
      `is ${clockTolerance} s`,
      `Write at most ${LONGEST_TOLERANCE}, and let the clocks be synchronized.`,
    );
  }
  return { expiresIn, refreshWindow, sessionLifetime, clockTolerance };
}

/** Names the option that the application wrote, because it cannot find a default in its code. */
function failAsTooShort(longer: OptionReader, seconds: number, shorter: OptionReader, least: number): never {
  if (longer.isDefault) {
    return shorter.fail(
      `is ${shorter.shownSeconds(least)}, too long for ${longer.path}, which is ${seconds} s by default`,
      longer.path === 'refreshWindow'
        ? "Users stay signed in for `refreshWindow`, so '15m' is usually right; otherwise give `refreshWindow` too."
        : `Write a shorter one, or give \`${longer.path}\` too.`,
    );
  }
  const found = shorter.isDefault ? `${least} s by default` : `${least} s`;
  return longer.fail(
    `is ${seconds} s, too short for ${shorter.path} (${found})`,
    `Write a longer one, or a shorter \`${shorter.path}\`.`,
  );
}

const REUSE_OPTIONS = ['grace', 'revokeAfter', 'onReuse', 'allowNoRefresh'] as const;

function readReuseDetection(option: OptionReader, { refreshWindow }: Lifetimes): ReusePolicy {
  if (option.value === false) return undefined;
  const remedy = "Write false, or an object such as { grace: '30s', revokeAfter: '30m' }; {} takes the defaults.";
  const { grace, revokeAfter, onReuse, allowNoRefresh } = option.object(REUSE_OPTIONS, remedy);
  const handedOver = grace.or('30s').seconds();
  if (handedOver > LONGEST_GRACE) {
    grace.fail(
      `is ${handedOver} s`,
      `Write at most ${LONGEST_GRACE}: a longer grace is a longer life for a stolen token.`,
    );
  }
  if (handedOver > refreshWindow) {
    grace.fail(`is ${handedOver} s, longer than refreshWindow (${refreshWindow} s)`, 'Write a shorter one.');
  }
  const reused = revokeAfter.or(Math.min(30 * 60, refreshWindow)).seconds();
  if (reused < handedOver || reused > refreshWindow) {
    revokeAfter.fail(
      `is ${reused} s`,
      `Write a time from reuseDetection.grace (${handedOver} s) to refreshWindow (${refreshWindow} s).`,
    );
  }
  return {
    grace: handedOver * 1000,
    revokeAfter: reused * 1000,
    onReuse: onReuse.or('revoke').choice(['revoke', 'reject']),
    allowNoRefresh: allowNoRefresh.or(false).boolean(),
  };
}

function readReplicas(option: OptionReader, redis: OptionReader): number {
  const replicas = option.value as number;
  if (!Number.isInteger(replicas) || replicas < 0)
    option.fail('is not a number of replicas', 'Write an integer from 0 on; 0 waits for none.');
  if (replicas > 0 && !redis.isGiven) {
    option.fail('is given without `redis`', 'Only Redis has replicas to wait for: give `redis`, or leave it out.');
  }
  return replicas;
}

function readRefreshAhead(option: OptionReader, { expiresIn }: Lifetimes): RefreshAheadRule {
  const { value } = option;
  if (typeof value === 'number' && value > 0 && value < 1) return { fraction: value };
  const seconds = option.seconds();
  if (seconds < expiresIn) return { seconds };
  return option.fail(
    `is ${seconds} s, not shorter than expiresIn (${expiresIn} s)`,
    "Write a fraction below 1, such as 0.2, or a shorter duration, such as '2m'.",
  );
}

function readReloader(option: OptionReader, timeoutOption: OptionReader, title: string): ClaimsReloader | undefined {
  const timeout = timeoutOption.milliseconds();
  if (!option.isGiven) return undefined;
  const reloadClaims = option.value;
  if (typeof reloadClaims !== 'function')
    return option.fail('is not a function', 'Write (claims) => fresh claims, or null to end the session.');
  const logger = new Logger(title);
  return new ClaimsReloader(reloadClaims as ReloadClaims, timeout, ({ message, stack }) =>
    logger.error(`reloadClaims failed, so the token was not refreshed (503 reload_failed): ${message}`, stack),
  );
}

function readLegacy(
  option: OptionReader,
  timeoutOption: OptionReader,
  { sessionLifetime }: Lifetimes,
  title: string,
): LegacyTokens | undefined {
  if (!option.isGiven) return undefined;
  const legacy = option.value;
  if (typeof legacy !== 'function')
    return option.fail(
      'is not a function',
      'Write (token, request) => claims with sub and iat, or undefined to reject the token.',
    );
  if (sessionLifetime === Number.POSITIVE_INFINITY) {
    option.fail(
      'is given, and `sessionLifetime` is false',
      'Write a `sessionLifetime` that is not shorter than the old tokens live: the end of a session is remembered for that long.',
    );
  }
  const logger = new Logger(title);
  return new LegacyTokens(legacy as Legacy, timeoutOption.milliseconds(), ({ message, stack }) =>
    logger.error(`legacy failed, so a token was neither accepted nor rejected (503 reload_failed): ${message}`, stack),
  );
}

const STORE_METHODS = ['rotate', 'recordUse', 'revoke', 'isRevoked', 'userCutoff', 'revokeUser'];

function readStore(option: OptionReader): SessionStore {
  const store = option.value as Record<string, unknown> | null;
  const missing = STORE_METHODS.find((method) => typeof store?.[method] !== 'function');
  if (missing !== undefined) option.fail(`has no method ${missing}`, 'Implement the interface SessionStore.');
  return store as unknown as SessionStore;
}

/** A secret that can be guessed stops the boot in production. Elsewhere, each boot logs a warning. */
function readKeys(options: UncheckedKeyOptions): KeyRing {
  const ring = createKeyRing(options);
  const risky = ring.all.find(({ warning }) => warning);
  if (risky?.warning && process.env['NODE_ENV'] === 'production') throw risky.warning;
  return ring;
}

/** Returns the default prefix. Issuer and audience are part of it, because they tell applications apart that share a Redis. */
export function defaultKeyPrefix(name: string | undefined, { issuer, audience }: Partial<SignedParties>): string {
  const isNamed = issuer !== undefined || audience !== undefined;
  const parties = isNamed ? hashed(JSON.stringify([issuer, audience])) : undefined;
  return ['refresh-auth', name, parties].filter(Boolean).join(':');
}

function readKeyPrefix(option: OptionReader): string {
  const { value } = option;
  // Braces would move the hash tag, which decides the slot of a cluster, from the session into the prefix.
  if (typeof value === 'string' && /^[^\s{}]+$/.test(value)) return value;
  return option.fail('is not a prefix for keys', "Write a string without spaces and braces, such as 'refresh-auth'.");
}
