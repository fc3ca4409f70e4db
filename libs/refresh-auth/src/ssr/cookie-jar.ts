import { positionOf } from '../client/token-position.js';

interface SetCookie {
  readonly line: string;
  readonly name: string;
  /** `undefined` if the line removes the cookie. */
  readonly value: string | undefined;
  /** Name, domain and path, which identify a cookie (RFC 6265 section 5.3). */
  readonly identity: string;
}

/** The cookies of a browser as its request had them, with what responses of the API have changed since. */
export class CookieJar {
  readonly #lines = new Map<string, SetCookie>();

  /** @param cookie the `Cookie` header of the browser's request */
  constructor(private readonly cookie: string) {}

  /** The `Set-Cookie` lines that the browser has to get. One for each cookie. */
  get setCookies(): string[] {
    return [...this.#lines.values()].map(({ line }) => line);
  }

  /** Takes up the `Set-Cookie` lines of a response. Responses arrive in any order: an older token of a session does not replace a newer one. */
  receive(lines: readonly string[]): void {
    for (const received of lines.map(parse)) {
      const present = positionOf(this.#lines.get(received.identity)?.value);
      const next = positionOf(received.value);
      const isOlder = present !== undefined && present.sid === next?.sid && present.gen > next.gen;
      if (!isOlder) this.#lines.set(received.identity, received);
    }
  }

  /** Returns true if one of the browser's cookies carries a token that has expired. */
  hasExpired(now: number): boolean {
    return pairsOf(this.cookie).some(([, value]) => (positionOf(value)?.exp ?? Infinity) * 1000 <= now);
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
    const presented = pairsOf(this.cookie).map(([, value]) => positionOf(value)?.sid);
    return this.#apply(
      [...this.#lines.values()].filter(({ value }) => {
        const sid = positionOf(value)?.sid;
        return sid === undefined || !presented.includes(sid);
      }),
    );
  }

  #apply(lines: readonly SetCookie[]): string {
    const changed = lines.map(({ name }) => name);
    const kept = pairsOf(this.cookie).filter(([name]) => !changed.includes(name));
    const set = lines.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const]));
    return [...kept, ...set].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

function pairsOf(cookie: string): (readonly [name: string, value: string])[] {
  return cookie
    .split(';')
    .filter((pair) => pair.includes('='))
    .map(pairOf);
}

function pairOf(pair: string): readonly [name: string, value: string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

function parse(line: string): SetCookie {
  const [pair = '', ...attributes] = line.split(';');
  const [name, value] = pairOf(pair);
  const given = new Map(attributes.map(pairOf).map(([key, text]) => [key.toLowerCase(), text]));
  const maxAge = given.get('max-age');
  const isRemoved = maxAge === undefined ? Date.parse(given.get('expires') ?? '') <= Date.now() : Number(maxAge) <= 0;
  const identity = [name, given.get('domain') ?? '', given.get('path') ?? ''].join(';').toLowerCase();
  return { line, name, value: isRemoved ? undefined : value, identity };
}
