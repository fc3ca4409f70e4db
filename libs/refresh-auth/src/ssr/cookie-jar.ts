import { positionOf } from '../client/token-position.js';

type Cookie = readonly [name: string, value: string];

interface SetCookie {
  readonly line: string;
  readonly name: string;
  /** `undefined` if the line removes the cookie. */
  readonly value: string | undefined;
  /** Name, domain, path and partition, which identify a cookie (RFC 6265bis section 5.7; CHIPS). */
  readonly identity: string;
}

/** The cookies of a browser as its request had them, with what responses of the API have changed since. */
export class CookieJar {
  readonly #lines = new Map<string, SetCookie>();
  /** The cookies of the browser's request. */
  readonly #presented: readonly Cookie[];

  /** @param cookie the `Cookie` header of the browser's request */
  constructor(cookie: string) {
    this.#presented = pairsOf(cookie);
  }

  /** The `Set-Cookie` lines that the browser has to get. One for each cookie. */
  get setCookies(): string[] {
    return [...this.#lines.values()].map(({ line }) => line);
  }

  /**
   * Takes up the `Set-Cookie` lines of a response. Responses arrive in any order: an older token of a session does not replace a newer one, and
   * a refresh of the browser's session does not undo a sign-in or sign-out.
   */
  receive(lines: readonly string[]): void {
    for (const received of lines.map(parse)) {
      if (!this.#isOutdated(received)) this.#lines.set(received.identity, received);
    }
  }

  /** Returns true if one of the browser's cookies carries a token that has expired. */
  hasExpired(now: number): boolean {
    return this.#presented.some(([, value]) => (positionOf(value)?.exp ?? Infinity) * 1000 <= now);
  }

  /** Returns the `Cookie` header that the browser will send once it has all lines. */
  after(): string {
    return this.#apply([...this.#lines.values()]);
  }

  /**
   * Returns the `Cookie` header for the next request to the API: the browser's cookies and, after a sign-in or sign-out, what it changed. The
   * successor of the browser's own token is not used: the browser may never get it, and a token that it does not have must not count as used.
   */
  toSend(): string {
    const lines = [...this.#lines.values()];
    const refreshed = sessionsOf(lines.map(({ value }) => value)).filter((sid) => this.#sessions().includes(sid));
    // With the successor, the API removes cookies of earlier deployments: one of them may carry the browser's own token.
    const isOfRefresh = ({ name, value }: SetCookie): boolean =>
      (value === undefined ? this.#sessions(name) : sessionsOf([value])).some((sid) => refreshed.includes(sid));
    return this.#apply(lines.filter((line) => !isOfRefresh(line)));
  }

  #isOutdated({ identity, value }: SetCookie): boolean {
    const present = this.#lines.get(identity);
    const next = positionOf(value);
    if (!present || !next) return false;
    const held = positionOf(present.value);
    return held?.sid === next.sid ? held.gen > next.gen : this.#sessions().includes(next.sid);
  }

  /** Returns the sessions of the tokens in the browser's cookies, or in those of one name. */
  #sessions(name?: string): string[] {
    return sessionsOf(this.#presented.filter(([own]) => own === (name ?? own)).map(([, value]) => value));
  }

  #apply(lines: readonly SetCookie[]): string {
    const changed = lines.map(({ name }) => name);
    const kept = this.#presented.filter(([name]) => !changed.includes(name));
    const set = lines.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const]));
    return [...kept, ...set].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

function sessionsOf(values: readonly (string | undefined)[]): string[] {
  return values.flatMap((value) => positionOf(value)?.sid ?? []);
}

function pairsOf(cookie: string): Cookie[] {
  return cookie
    .split(';')
    .filter((pair) => pair.includes('='))
    .map(pairOf);
}

function pairOf(pair: string): Cookie {
  const at = pair.includes('=') ? pair.indexOf('=') : pair.length;
  return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

function parse(line: string): SetCookie {
  const [pair = '', ...attributes] = line.split(';');
  const [name, value] = pairOf(pair);
  const given = new Map(attributes.map(pairOf).map(([key, text]) => [key.toLowerCase(), text]));
  const maxAge = given.get('max-age');
  const isRemoved = maxAge === undefined ? Date.parse(given.get('expires') ?? '') <= Date.now() : Number(maxAge) <= 0;
  const domain = (given.get('domain') ?? '').replace(/^\./, '').toLowerCase();
  const identity = [name, domain, given.get('path') ?? '', given.has('partitioned')].join(';');
  return { line, name, value: isRemoved ? undefined : value, identity };
}
