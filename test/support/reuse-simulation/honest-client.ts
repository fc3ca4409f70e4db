import type { TestClock } from '../clock.js';
import type { SessionStore } from 'nestjs-refresh-auth/store';
import type { Reports } from './simulated-store.js';
import { type Answer, GRACE, HOUR, MINUTE, SECOND, World } from './world.js';

/** The parts of an honest client's life. Shares are of 1, times in milliseconds. */
export interface Conditions {
  /** Requests that the browser holds back for 1 to 180 s, with the token that it had when they were made. */
  readonly queued?: number;
  /** Requests whose body takes 1 to 20 minutes. */
  readonly uploads?: number;
  /** Uploads reach the application only once a proxy has all of them. */
  readonly isBuffered?: boolean;
  /** How long after a 401 a request is repeated, with the token that is held by then. */
  readonly retryAfter?: number;
  /** Pages that a server renders with the cookie of the browser, by two requests, none of whose new tokens reaches the browser. */
  readonly rendered?: number;
  /** The rendering server asks for no new token. */
  readonly noRefresh?: boolean;
  /** Responses that arrive up to ten minutes late, when the browser may hold something newer: half of them because of their handler, half because of the network. */
  readonly late?: number;
  readonly failovers?: number;
  readonly refreshAhead?: boolean;
  readonly skew?: number;
  readonly reports?: Reports;
}

export interface Life extends Conditions {
  readonly seed: number;
  /** In seconds. */
  readonly expiresIn: number;
  readonly makeStore?: (clock: TestClock) => SessionStore;
}

export interface Outcome {
  /** The session was revoked as stolen. */
  readonly revoked: boolean;
  /** The session was revoked as stolen although the client held a token that would have been accepted. */
  readonly robbed: boolean;
  /** The client holds a token that is rejected, and has to sign in again. */
  readonly signedOut: boolean;
}

/** How many times the client does something: opens the browser, clicks, comes back to it. */
const BURSTS = 8;
const MOST_RETRIES = 2;
/** Responses that never arrive: single ones, and all of those whose tabs ask while the network is gone or the lid is being closed. */
const LOST = 0.1;
const LOST_TOGETHER = 0.1;

interface Attempt {
  /** How long it takes from when the browser reads the cookie until the application hears of it. */
  readonly queued: number;
  /** How long the body takes from then on. */
  readonly waited: number;
  readonly retries: number;
}

/** A browser with some tabs and one cookie. */
class HonestClient {
  readonly #world: World;
  #cookie = '';
  #isRobbed = false;
  #isSignedOut = false;
  #losesAll = false;

  constructor(private readonly life: Life) {
    this.#world = new World(life);
    this.#world.onReuse = () => (this.#isRobbed ||= this.#world.isUsable(this.#cookie));
  }

  async live(): Promise<Outcome> {
    const { timeline, store, random } = this.#world;
    this.#cookie = await this.#world.signIn();
    let start = 0;
    for (let burst = 0; burst < BURSTS; burst++) {
      timeline.in(start, () => this.#wake());
      start += this.#pause();
    }
    for (let failover = 0; failover < (this.life.failovers ?? 0); failover++) {
      timeline.in(random.upTo(start), () => store.failOver());
    }
    await timeline.run(() => this.#world.reuses > 0);
    await this.#world.close();
    return { revoked: this.#world.reuses > 0, robbed: this.#isRobbed, signedOut: this.#isSignedOut };
  }

  /** Some tabs wake within half a second, and each has something to ask. */
  #wake(): void {
    const { timeline, random } = this.#world;
    this.#losesAll = random.isLucky(LOST_TOGETHER);
    for (let tabs = random.between(1, 6); tabs >= 1; tabs--) {
      const wakes = random.upTo(500);
      timeline.in(wakes, () => (random.isLucky(this.life.rendered ?? 0) ? this.#render() : this.#request()));
      if (random.isLucky(0.3)) timeline.in(wakes + random.upTo(5 * SECOND), () => this.#request());
    }
  }

  #request(retries = 0): void {
    const { random } = this.#world;
    const { queued, uploads, isBuffered } = this.life;
    const body = random.isLucky(uploads ?? 0) ? random.between(MINUTE, 20 * MINUTE) : 0;
    const network = random.between(10, 1000);
    const wait = random.isLucky(queued ?? 0) ? random.between(SECOND, 180 * SECOND) : 0;
    this.#send({
      queued: network + wait + (isBuffered ? body : 0),
      waited: isBuffered ? 0 : body,
      retries,
    });
  }

  #send({ queued, waited, retries }: Attempt): void {
    const { timeline, random } = this.#world;
    const token = this.#cookie;
    const isLost = this.#losesAll || random.isLucky(LOST);
    timeline.in(queued + waited, async () => {
      const { code, token: next } = await this.#world.present({ token, waited });
      if (isLost) return;
      const late = random.isLucky(this.life.late ?? 0) ? random.upTo(10 * MINUTE) : 0;
      // As `Delivery` does: a response whose headers go out later than the grace carries nothing.
      const isHeldBack = late > GRACE && random.isLucky(0.5);
      const answer = { code, token: isHeldBack ? undefined : next };
      timeline.in(random.between(10, 500) + late, () => this.#receive(answer, token, retries));
    });
  }

  #receive({ token, code }: Answer, presented: string, retries: number): void {
    if (token !== undefined) this.#cookie = token;
    if (code === undefined) return;
    const { retryAfter } = this.life;
    if (retryAfter !== undefined && retries < MOST_RETRIES) {
      this.#world.timeline.in(retryAfter, () => this.#request(retries + 1));
    } else {
      this.#isSignedOut ||= this.#cookie === presented;
    }
  }

  /** The page comes with nothing for the cookie jar; then its scripts ask for more. */
  #render(): void {
    const { timeline, random } = this.#world;
    const { noRefresh = false } = this.life;
    const token = this.#cookie;
    timeline.in(random.between(10, 500), async () => {
      const first = await this.#world.present({ token, noRefresh });
      timeline.in(random.between(50, 500), async () => {
        await this.#world.present({ token: first.token ?? token, noRefresh });
        this.#request();
      });
    });
  }

  /** Mostly shorter than a token lives; sometimes the browser is left alone for minutes or hours. */
  #pause(): number {
    const { random } = this.#world;
    const life = this.life.expiresIn * SECOND;
    const kind = random.upTo();
    if (kind < 0.7) return random.upTo(1.5 * life);
    return kind < 0.95 ? random.upTo(10 * life) : random.upTo(12 * HOUR);
  }
}

/** Lives the life of one client, until its session is revoked as stolen, or it has nothing more to ask. */
export function live(life: Life): Promise<Outcome> {
  return new HonestClient(life).live();
}
