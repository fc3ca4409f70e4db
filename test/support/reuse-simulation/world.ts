import { RefreshAuthError } from 'nestjs-refresh-auth';
import { InMemorySessionStore, type SessionStore } from 'nestjs-refresh-auth/store';
import { RefreshAuthCore } from '../../../libs/refresh-auth/src/refresh-auth.core.js';
import { resolveOptions } from '../../../libs/refresh-auth/src/options/refresh-auth-options.js';
import type { Clock } from '../../../libs/refresh-auth/src/tokens/clock.js';
import type { TestClock } from '../clock.js';
import { decodePayload } from '../hostile-tokens.js';
import { type Reports, SimulatedStore } from './simulated-store.js';
import { Random, Timeline } from './timeline.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export const GRACE = 30 * SECOND;

/** How the application is set up. */
export interface SetUp {
  readonly seed: number;
  /** In seconds. */
  readonly expiresIn: number;
  readonly refreshAhead?: boolean;
  /** By how much the clock of the second process is ahead of the first, and the store's ahead of that by half, in milliseconds. */
  readonly skew?: number;
  readonly reports?: Reports;
  readonly makeStore?: (clock: TestClock) => SessionStore;
}

/** One request, as it reaches a process. */
export interface Presented {
  readonly token: string;
  /** How long ago it arrived, in milliseconds. */
  readonly waited?: number;
  readonly noRefresh?: boolean;
}

export interface Answer {
  /** The token that the response carries. */
  readonly token?: string | undefined;
  /** Why it is a 401. */
  readonly code?: string | undefined;
}

const EVERY_REPORT: Reports = { lost: 0, late: 0 };
const settings = new Map<string, ReturnType<typeof resolveOptions>>();

/** Key derivation and checks of options are the same for all clients. */
function settingsOf({ expiresIn, refreshAhead = false }: SetUp): ReturnType<typeof resolveOptions> {
  const name = `${expiresIn} ${refreshAhead}`;
  const known =
    settings.get(name) ??
    resolveOptions({
      secret: 'DYwJvfdtVQHdJr0yZ6Y1S0rqvZrUjVtqRL8xVKjNpM8i',
      expiresIn,
      refreshWindow: '7d',
      reuseDetection: { grace: GRACE / SECOND, allowNoRefresh: true },
      refreshAhead: refreshAhead ? 0.2 : undefined,
      // The stores of the simulation do not push.
      revocation: 'every-request',
    });
  settings.set(name, known);
  return known;
}

/** The real library in two processes on one store, in simulated time. Everything random comes from the seed. */
export class World {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly store: SimulatedStore;
  /** How many times reuse was detected, which ended the session. */
  reuses = 0;
  onReuse: () => void = () => undefined;
  readonly #processes: readonly RefreshAuthCore[];

  constructor(setUp: SetUp) {
    const { seed, skew = 0, reports = EVERY_REPORT, makeStore = (clock) => new InMemorySessionStore(clock) } = setUp;
    this.random = new Random(seed);
    this.store = new SimulatedStore(makeStore, this.timeline, this.random, reports);
    this.#processes = [-skew / 2, skew / 2].map(
      (ahead) => new RefreshAuthCore(settingsOf(setUp), this.store, aheadOf(this.timeline.clock, ahead)),
    );
    for (const { events } of this.#processes) {
      events.observable.subscribe(({ type }) => {
        if (type !== 'reuse-detected') return;
        this.reuses += 1;
        this.onReuse();
      });
    }
  }

  /** The first token of a session; another one ends if its token is presented, whatever its state. */
  async signIn(presented?: string): Promise<string> {
    const core = this.#anyProcess();
    const session = presented === undefined ? undefined : core.authenticator.liveSession(presented);
    const { token } = await core.signIns.start({ sub: '1' }, {}, { replaced: session ? [session] : [] });
    return token;
  }

  /** Does the work of the guard of one of the processes. */
  async present({ token, waited = 0, noRefresh = false }: Presented): Promise<Answer> {
    const core = this.#anyProcess();
    const isUse = !noRefresh;
    // Nobody waits for the reports of use: they are written 100 ms later.
    this.timeline.in(100, () => core.usedGenerations?.flush());
    try {
      const { state, claims, refreshed } =
        core.authenticator.acceptKnown(token, isUse) ??
        (await core.authenticator.authenticate(token, noRefresh ? 'serve' : 'refresh', { waited, isUse }));
      const ahead = state === 'valid' && isUse ? await core.refreshAhead?.refresh(claims) : undefined;
      const next = (refreshed ?? ahead)?.token;
      return next === undefined ? {} : { token: next };
    } catch (error) {
      if (!(error instanceof RefreshAuthError) || !error.isDeadToken) throw error;
      return { code: error.code };
    }
  }

  /** Returns true if a client that holds this token is not too late for it: it is valid, the newest in use, or within its grace. */
  isUsable(token: string): boolean {
    const { gen, exp } = decodePayload(token) as { gen: number; exp: number };
    const since = this.store.newerInUseSince(gen);
    return since === undefined || this.timeline.clock.now() < Math.max(exp * SECOND, since) + GRACE;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((core) => core.stop()));
    await this.store.close();
  }

  #anyProcess(): RefreshAuthCore {
    return this.#processes[Math.floor(this.random.upTo(this.#processes.length))]!;
  }
}

function aheadOf(clock: TestClock, ahead: number): Clock {
  return { now: () => clock.now() + ahead, monotonic: () => clock.monotonic() };
}
