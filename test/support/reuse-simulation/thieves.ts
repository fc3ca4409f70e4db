import { type Answer, HOUR, MINUTE, SECOND, World } from './world.js';

/** How a thief uses the token that it has copied. */
export interface Thief {
  /** How long it waits before it uses the token for the first time, in milliseconds. */
  readonly waits: number;
  /** How often it sends a request, in milliseconds. */
  readonly every: number;
  /** Now and then it presents a token that it has replaced. */
  readonly showsOldTokens?: boolean;
}

export interface Victim {
  /** How often it sends something at most, in milliseconds: from at once to this long after the last. Without it: as users do, with breaks. */
  readonly every?: number;
  /** Sends nothing any more from the theft on. */
  readonly isGone?: boolean;
  /** Its behaviour once its token is rejected. */
  readonly afterwards?: 'signs in with the token' | 'signs in without it';
}

export interface Theft {
  /** How long the thief could use the session, in milliseconds from the theft: 0 if never, `undefined` if it still can after a day. */
  readonly lived: number | undefined;
  /** Reuse was detected. */
  readonly isFound: boolean;
}

const DAY = 24 * HOUR;
const EXPIRES_IN = 60;

/** One session, from the moment at which somebody copies its token. */
class TheftOfOne {
  readonly #world: World;
  #victim = '';
  #thief = '';
  readonly #replaced: string[] = [];
  #lastServed = 0;
  #isOver = false;

  constructor(
    seed: number,
    private readonly thief: Thief,
    private readonly victim: Victim,
  ) {
    this.#world = new World({ seed, expiresIn: EXPIRES_IN });
  }

  async happen(): Promise<Theft> {
    const { timeline } = this.#world;
    this.#victim = await this.#world.signIn();
    this.#thief = this.#victim;
    if (!this.victim.isGone) timeline.in(this.#pause(), () => this.#victimAsks());
    timeline.in(this.thief.waits, () => this.#thiefAsks());
    await timeline.run(() => this.#isOver || timeline.now > DAY);
    const isFound = this.#world.reuses > 0;
    await this.#world.close();
    return { lived: this.#isOver ? this.#lastServed : undefined, isFound };
  }

  async #victimAsks(): Promise<void> {
    const { code, token } = await this.#world.present({ token: this.#victim });
    this.#victim = token ?? this.#victim;
    if (code === undefined) return this.#world.timeline.in(this.#pause(), () => this.#victimAsks());
    if (this.victim.afterwards === 'signs in with the token') await this.#world.signIn(this.#victim);
  }

  async #thiefAsks(): Promise<void> {
    const { timeline, random } = this.#world;
    const old = this.thief.showsOldTokens && random.isLucky(0.1) ? this.#replaced[0] : undefined;
    if (old !== undefined) await this.#world.present({ token: old });
    this.#take(await this.#world.present({ token: this.#thief }));
    if (!this.#isOver) timeline.in(this.thief.every, () => this.#thiefAsks());
  }

  #take({ code, token }: Answer): void {
    if (token !== undefined) {
      this.#replaced.push(this.#thief);
      this.#thief = token;
    }
    if (code === undefined) this.#lastServed = this.#world.timeline.now;
    // A thief whose token is only superseded goes on trying: that is how it is found.
    this.#isOver = code !== undefined && code !== 'token_superseded';
  }

  #pause(): number {
    const { random } = this.#world;
    if (this.victim.every !== undefined) return random.upTo(this.victim.every);
    const kind = random.upTo();
    if (kind < 0.75) return random.upTo(MINUTE);
    return kind < 0.95 ? random.upTo(10 * MINUTE) : random.upTo(12 * HOUR);
  }
}

/** Copies the token of a session, and watches for a day how long that is of use. */
export function steal(seed: number, thief: Thief, victim: Victim): Promise<Theft> {
  return new TheftOfOne(seed, thief, victim).happen();
}

const withToken: Victim = { afterwards: 'signs in with the token' };
const AT_EXPIRY: Thief = { waits: EXPIRES_IN * SECOND, every: 30 * SECOND };

/** How a theft ends: for all thieves of a kind, for some of them, or for none within a day. */
export type End = 'all end' | 'some go on' | 'none ends';

/** Who steals from whom. Tokens live for a minute, the grace is 30 s, reuse is detected after 30 minutes. */
export const thefts: Readonly<Record<string, readonly [Thief, Victim, End]>> = {
  'an old copy, used an hour later': [{ waits: HOUR, every: MINUTE }, withToken, 'all end'],
  'the newest copy, used first; the victim signs in with its token': [AT_EXPIRY, withToken, 'all end'],
  'the newest copy, used first; the victim signs in without it': [
    AT_EXPIRY,
    { afterwards: 'signs in without it' },
    'some go on',
  ],
  'the newest copy, used first; the victim never comes again': [AT_EXPIRY, { isGone: true }, 'none ends'],
  'a copy presented every 20 s; a victim with breaks': [{ waits: 0, every: 20 * SECOND }, withToken, 'all end'],
  'a copy presented every 20 s; a victim who asks every 20 s': [
    { waits: 0, every: 20 * SECOND },
    { ...withToken, every: 20 * SECOND },
    'none ends',
  ],
  'a thief who shows its own old tokens': [{ ...AT_EXPIRY, showsOldTokens: true }, { isGone: true }, 'all end'],
};
