import { RefreshAuthClient } from 'nestjs-refresh-auth/client';
import { ask } from './answers.js';
import { announceSignOut } from './sign-outs.js';
import { claimsOf } from './tokens.js';

/** @import { About } from '../src/page/about.interface.js' */
/** @import { Answer } from './answers.js' */
/** @import { Claims } from './tokens.js' */

/**
 * A token of the session. The page does not know its text if it is in a cookie, which scripts cannot read.
 *
 * @typedef {{ claims: Claims, token: string | undefined }} Generation
 */

/**
 * The input of a sign-in.
 *
 * @typedef {object} SignIn
 * @property {string} username
 * @property {string} password
 * @property {{ expiresIn?: number, refreshWindow?: number, sessionLifetime?: number }} limits
 */

/** @typedef {About['policies'][number]} Policy */

const POLICY_KEY = 'demo-policy';
const SIGNED_OUT_ELSEWHERE = 'You signed out in another tab.';

/** Changes in the storage of all tabs whenever the cookie has changed, because browsers tell scripts nothing of that. */
const COOKIE_CHANGE_KEY = 'demo-cookie-change';

/**
 * The session of this tab. It keeps the token and sends requests with it. Dispatches `change` when there is something new to draw, and `server`
 * when the server or its store has come or gone.
 */
export class Session extends EventTarget {
  /** The generations that the page has seen, the oldest first. @type {Generation[]} */
  generations = [];
  /** The reason why the server rejected the current token. @type {string | undefined} */
  refusal;
  /** How the last session of this tab ended, if it did not begin anew. */
  farewell = '';
  isServerThere = true;
  /** The input of the last sign-in. @type {SignIn | undefined} */
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
    this.storeState = about.storeState;
    /** True if the page's scripts can see the token. Otherwise the browser keeps it in a cookie. */
    this.seesToken = about.delivery !== 'cookie';
    this.policy = about.policies.find(({ base }) => base === storage.getItem(POLICY_KEY)) ?? firstOf(about.policies);
    this.client = this.#follow();
    if (this.seesToken) return;
    // Browsers send this event to the other tabs only.
    window.addEventListener('storage', ({ key }) => {
      if (key === COOKIE_CHANGE_KEY) void this.resume();
    });
  }

  /** The server's time, in seconds. */
  now() {
    return (Date.now() + this.clockOffset) / 1000;
  }

  /** The latest generation of the session. */
  get current() {
    return this.generations.at(-1);
  }

  /** The absolute end of the session; `undefined` if it has none. */
  get end() {
    const claims = this.current?.claims;
    const lifetime = claims?.session_lifetime ?? this.about.lifetimes.sessionLifetime;
    return claims && lifetime !== null ? claims.auth_time + lifetime : undefined;
  }

  /** True if there is a session that can be continued. False before a sign-in, and after the end of the session. */
  get isAlive() {
    return this.current !== undefined && this.refusal === undefined && this.now() < this.current.claims.refresh_exp;
  }

  /** True if a superseded token was seen, which can be presented again. */
  get hasSuperseded() {
    return this.generations.length > 1;
  }

  /** Asks whether the server and its store are there. */
  async lookAtServer() {
    const { status, body } = await ask(fetch, '/about');
    const wasThere = this.isServerThere;
    const before = this.storeState;
    this.isServerThere = status === 200;
    if (this.isServerThere) this.storeState = /** @type {About} */ (JSON.parse(body)).storeState;
    if (wasThere === this.isServerThere && before === this.storeState) return;
    this.dispatchEvent(new Event('server'));
    // It may be another process, with a key of its own.
    if (!wasThere) await this.resume();
  }

  /**
   * Sends an ordinary request with the current token. Stores the next token if the answer carries one.
   *
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Answer>}
   */
  async ask(path, init) {
    const answer = await ask(this.seesToken ? this.client.fetch : fetch, this.policy.base + path, init);
    if (!this.seesToken) await this.#lookAtCookie(answer);
    return this.#noticed(answer);
  }

  /**
   * Sends a request with another token. Its answer does not change this session.
   *
   * @param {string} token
   * @param {string} path
   * @param {Policy} [policy]
   */
  async askWith(token, path, policy = this.policy) {
    const headers = { Authorization: `Bearer ${token}` };
    return this.#noticed(await ask(fetch, policy.base + path, { headers, credentials: 'omit' }));
  }

  /** @param {SignIn} signIn */
  async signIn({ username, password, limits }) {
    this.lastSignIn = { username, password, limits };
    const answer = await this.ask('/auth/login', signInRequest(this.lastSignIn));
    this.#tellOtherTabs();
    return answer;
  }

  /**
   * Starts another session, of which this tab stores nothing.
   *
   * @param {SignIn} signIn
   * @param {Policy} [policy]
   */
  async signInApart(signIn, policy = this.policy) {
    return this.#noticed(
      await ask(fetch, `${policy.base}/auth/login`, { ...signInRequest(signIn), credentials: 'omit' }),
    );
  }

  /**
   * @param {string} path
   * @param {string} farewell what to say once the session has ended
   * @returns {Promise<Answer>}
   */
  async signOut(path, farewell) {
    /** @type {typeof fetch} */
    const signOut = (input, init) => this.client.signOut(input, init);
    announceSignOut(path);
    const answer = await ask(this.seesToken ? signOut : fetch, this.policy.base + path, { method: 'POST' });
    if (!this.seesToken) await this.#lookAtCookie(answer, farewell);
    this.#tellOtherTabs();
    if (this.current === undefined && answer.status !== 0) this.#forget(farewell);
    return this.#noticed(answer);
  }

  /** Starts a new session under the other policy, whose module does not accept the tokens of this one. */
  async switchPolicy() {
    const next = this.about.policies.find((policy) => policy !== this.policy) ?? this.policy;
    await this.signOut('/auth/logout', '');
    this.use(next);
    return this.lastSignIn && this.signIn(this.lastSignIn);
  }

  /** @param {Policy} policy */
  use(policy) {
    if (policy === this.policy) return;
    this.policy = policy;
    this.storage.setItem(POLICY_KEY, policy.base);
    this.#stopFollowing();
    this.generations = [];
    this.refusal = undefined;
    this.farewell = '';
    this.client = this.#follow();
    this.#changed();
  }

  /** Restores the session after a reload, with the state of its token on the server. Does not refresh the token. */
  async resume() {
    if (!this.seesToken) return this.#lookAtCookie(undefined);
    const { body } = this.#noticed(await ask(this.client.fetch, `${this.policy.base}/auth/session`));
    const { state, reason } = JSON.parse(body || '{}');
    if (state === 'dead' && this.current) this.#refuse(reason);
  }

  #stopFollowing = () => {};

  #follow() {
    const client = new RefreshAuthClient({
      storage: this.storage,
      key: `demo-token${this.policy.base}`,
      // Without the cookie: it would sign in a tab that has no token of its own.
      fetch: (input, init) => fetch(input, { ...init, credentials: 'omit' }),
    });
    if (client.token !== undefined) this.#see(claimsOf(client.token), client.token);
    this.#stopFollowing = client.subscribe((event) => {
      if (event.type === 'token') this.#hold(event.token, event.elsewhere);
      else void this.#readRefusal(event.response);
    });
    return client;
  }

  /**
   * @param {string | undefined} token
   * @param {boolean} elsewhere true if another tab has changed it
   */
  #hold(token, elsewhere) {
    if (token !== undefined) this.#see(claimsOf(token), token);
    else if (this.current) this.#forget(elsewhere ? SIGNED_OUT_ELSEWHERE : '');
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
    this.farewell = '';
    this.generations.push({ claims, token });
    this.#changed();
  }

  /** @param {string} farewell how the session ended */
  #forget(farewell) {
    this.generations = [];
    this.refusal = undefined;
    this.farewell = farewell;
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
   * Asks the server for the claims of the cookie, which the page cannot read.
   *
   * @param {Answer | undefined} answer the answer that may have changed the cookie; `undefined` if another tab may have
   * @param {string} [farewell] how the session ended, if it did
   */
  async #lookAtCookie(answer, farewell = SIGNED_OUT_ELSEWHERE) {
    const { body } = this.#noticed(await ask(fetch, `${this.policy.base}/auth/session`));
    const { state, reason, claims } = JSON.parse(body || '{}');
    if (claims) this.#see(claims, undefined);
    else if (reason === 'token_missing' && this.current) this.#forget(farewell);
    else if (answer === undefined && state === 'dead' && this.current) this.#refuse(reason);
    else if (answer?.verdict === 'dead') this.#refuse(answer.code);
  }

  #tellOtherTabs() {
    if (!this.seesToken) localStorage.setItem(COOKIE_CHANGE_KEY, crypto.randomUUID());
  }

  /**
   * Looks for the server at once if a request had no answer.
   *
   * @param {Answer} answer
   */
  #noticed(answer) {
    if ((answer.status !== 0) !== this.isServerThere) void this.lookAtServer();
    return answer;
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
