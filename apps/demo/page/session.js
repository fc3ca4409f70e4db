import { RefreshAuthClient } from 'nestjs-refresh-auth/client';
import { ask } from './answers.js';
import { claimsOf } from './tokens.js';

/** @import { About } from '../src/page/about.interface.js' */
/** @import { Answer } from './answers.js' */
/** @import { Claims } from './tokens.js' */

/**
 * A token that was held, as far as the page can see it: a cookie is hidden from scripts.
 *
 * @typedef {{ claims: Claims, token: string | undefined }} Generation
 */

/**
 * What is signed in with.
 *
 * @typedef {object} SignIn
 * @property {string} username
 * @property {string} password
 * @property {{ expiresIn?: number, refreshWindow?: number, sessionLifetime?: number }} limits
 */

const POLICY_KEY = 'demo-policy';

/** The session of this tab: the token that it holds, and how it asks with it. Raises `change` when there is something new to draw. */
export class Session extends EventTarget {
  /** The generations that were seen, the oldest first. @type {Generation[]} */
  generations = [];
  /** Why the server refused the token that is held. @type {string | undefined} */
  refusal;
  /** What was last signed in with. @type {SignIn | undefined} */
  lastSignIn;

  /**
   * @param {About} about
   * @param {Storage} storage
   * @param {number} clockOffset how far the server's clock is ahead of this one, in milliseconds
   */
  constructor(about, storage, clockOffset) {
    super();
    this.about = about;
    this.storage = storage;
    this.clockOffset = clockOffset;
    /** Whether the page's scripts can see the token; otherwise the browser keeps it in a cookie. */
    this.seesToken = about.delivery !== 'cookie';
    this.policy = about.policies.find(({ base }) => base === storage.getItem(POLICY_KEY)) ?? firstOf(about.policies);
    this.client = this.#follow();
  }

  /** The server's time, in seconds. */
  now() {
    return (Date.now() + this.clockOffset) / 1000;
  }

  /** The newest generation that is held. */
  get current() {
    return this.generations.at(-1);
  }

  /** The absolute end of the session; `undefined`: it has none. */
  get end() {
    const claims = this.current?.claims;
    const lifetime = claims?.session_lifetime ?? this.about.lifetimes.sessionLifetime;
    return claims && lifetime !== null ? claims.auth_time + lifetime : undefined;
  }

  /**
   * An ordinary request: with the token that is held, and the next one is taken up from the answer.
   *
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Answer>}
   */
  async ask(path, init) {
    const answer = await ask(this.seesToken ? this.client.fetch : fetch, this.policy.base + path, init);
    if (!this.seesToken) await this.#lookAtCookie(answer);
    return answer;
  }

  /**
   * A request with any token, whose answer changes nothing here.
   *
   * @param {string} token
   * @param {string} path
   */
  async askWith(token, path) {
    const headers = { Authorization: `Bearer ${token}` };
    return ask(fetch, this.policy.base + path, { headers, credentials: 'omit' });
  }

  /** @param {SignIn} signIn */
  async signIn({ username, password, limits }) {
    this.lastSignIn = { username, password, limits };
    return this.ask('/auth/login', signInRequest(this.lastSignIn));
  }

  /**
   * A sign-in of somebody else, of whom this tab keeps nothing.
   *
   * @param {SignIn} signIn
   */
  async signInApart(signIn) {
    return ask(fetch, `${this.policy.base}/auth/login`, { ...signInRequest(signIn), credentials: 'omit' });
  }

  /**
   * @param {string} path
   * @returns {Promise<Answer>}
   */
  async signOut(path) {
    /** @type {typeof fetch} */
    const signOut = (input, init) => this.client.signOut(input, init);
    const answer = await ask(this.seesToken ? signOut : fetch, this.policy.base + path, { method: 'POST' });
    if (!this.seesToken) await this.#lookAtCookie(answer);
    return answer;
  }

  /** Where the other policy is in force, this session's tokens are none: a new one begins there. */
  async switchPolicy() {
    const next = this.about.policies.find((policy) => policy !== this.policy) ?? this.policy;
    await this.signOut('/auth/logout');
    this.use(next);
    return this.lastSignIn && this.signIn(this.lastSignIn);
  }

  /** @param {About['policies'][number]} policy */
  use(policy) {
    if (policy === this.policy) return;
    this.policy = policy;
    this.storage.setItem(POLICY_KEY, policy.base);
    this.#stopFollowing();
    this.generations = [];
    this.refusal = undefined;
    this.client = this.#follow();
    this.#changed();
  }

  /** After a reload: what is held, and what the server thinks of it. Nothing is refreshed by looking. */
  async resume() {
    const { body } = await this.ask('/auth/session');
    const { state, reason, claims } = JSON.parse(body || '{}');
    if (!this.seesToken) this.#see(claims, undefined);
    if (state === 'dead' && this.current) this.#refuse(reason);
  }

  #stopFollowing = () => {};

  #follow() {
    const client = new RefreshAuthClient({
      storage: this.storage,
      key: `demo-token${this.policy.base}`,
      // One way of delivery at a time: with the cookie as well, a tab that should hold nothing would be signed in by it.
      fetch: (input, init) => fetch(input, { ...init, credentials: 'omit' }),
    });
    if (client.token !== undefined) this.#see(claimsOf(client.token), client.token);
    this.#stopFollowing = client.subscribe((event) => {
      if (event.type === 'token') this.#hold(event.token);
      else void this.#readRefusal(event.response);
    });
    return client;
  }

  /** @param {string | undefined} token */
  #hold(token) {
    if (token !== undefined) this.#see(claimsOf(token), token);
    else this.#forget();
  }

  /**
   * @param {Claims | undefined} claims
   * @param {string | undefined} token
   */
  #see(claims, token) {
    if (claims === undefined) return;
    const { current } = this;
    if (current?.claims.sid !== claims.sid) this.generations = [];
    else if (claims.gen <= current.claims.gen) return;
    this.refusal = undefined;
    this.generations.push({ claims, token });
    this.#changed();
  }

  #forget() {
    this.generations = [];
    this.refusal = undefined;
    this.#changed();
  }

  /** @param {Response} response */
  async #readRefusal(response) {
    const { code } = await response.json();
    if (this.current) this.#refuse(code);
  }

  /** @param {string | undefined} reason */
  #refuse(reason) {
    this.refusal = reason;
    this.#changed();
  }

  /**
   * The page cannot see the cookie, but it can ask what is in it.
   *
   * @param {Answer} answer
   */
  async #lookAtCookie(answer) {
    const { body } = await ask(fetch, `${this.policy.base}/auth/session`);
    const { reason, claims } = JSON.parse(body || '{}');
    if (claims) this.#see(claims, undefined);
    else if (reason === 'token_missing') this.#forget();
    else if (answer.verdict === 'dead') this.#refuse(answer.code);
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {SignIn} signIn */
function signInRequest({ username, password, limits }) {
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password, ...limits }),
  };
}

/**
 * @template T
 * @param {T[]} list
 */
function firstOf([first]) {
  if (first === undefined) throw new Error('The server names no policy');
  return first;
}
