// Users who sign in, come back with whatever token they have, and log out: one token each, as a real client keeps it.
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/** In milliseconds: whoever has no answer by then gets none. */
const MOST_PATIENCE = 30_000;

const USERS = [
  ['ada', 'lovelace'],
  ['alan', 'turing'],
];

/** A request lost with a kept-alive connection that the server was just closing would be nobody's fault: each has one of its own. */
async function send(url, method, token, body) {
  const [response] = await once(
    request(url, {
      method,
      agent: false,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(MOST_PATIENCE),
    }).end(body && JSON.stringify(body)),
    'response',
  );
  const [, handed] = /^Bearer (.+)$/.exec(response.headers.authorization ?? '') ?? [];
  return { status: response.statusCode, said: await text(response), handed };
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

/** Collects what all clients were told, and checks that it adds up. */
export class Ledger {
  sent = 0;
  /** By status. */
  answers = {};
  /** Requests that got no answer, and answers that no honest client should get. */
  surprises = [];
  /** In milliseconds. */
  slowest = 0;
  signIns = 0;
  logouts = 0;
  refreshes = 0;
  /** Two different tokens of one generation of one session. */
  forks = [];
  /** By sid, then by gen: the token's id and when it was first seen. */
  #latestTokens = new Map();

  answered(status, milliseconds) {
    this.answers[status] = (this.answers[status] ?? 0) + 1;
    this.slowest = Math.max(this.slowest, milliseconds);
  }

  surprise(what) {
    this.surprises.push(`${new Date().toISOString()} ${what}`);
  }

  /** A token was handed over. */
  see({ sid, gen, jti }) {
    const latestTokens = this.#latestTokens.get(sid) ?? new Map();
    this.#latestTokens.set(sid, latestTokens);
    const known = latestTokens.get(gen);
    if (!known) {
      latestTokens.set(gen, { jti, at: Date.now() });
      if (gen > 0) this.refreshes += 1;
    } else if (known.jti !== jti) {
      this.forks.push({ sid, gen, from: known.at, to: Date.now() });
    }
  }

  forget(sid) {
    this.#latestTokens.delete(sid);
  }
}

/** @param isOver says when no new session is to begin */
export async function runClient({ urls, random, ledger, isOver }) {
  const any = (list) => list[Math.floor(random() * list.length)];

  async function ask(path, { method = 'GET', token, body } = {}) {
    ledger.sent += 1;
    const asked = performance.now();
    try {
      const answer = await send(`${any(urls)}${path}`, method, token, body);
      ledger.answered(answer.status, performance.now() - asked);
      return answer;
    } catch (error) {
      ledger.answered('none', performance.now() - asked);
      ledger.surprise(`${method} ${path} was not answered: ${error.message}`);
      return { status: 0, said: '' };
    }
  }

  async function signIn() {
    const [username, password] = any(USERS);
    const { status, said, handed } = await ask('/auth/login', { method: 'POST', body: { username, password } });
    // On a machine that is busy enough a token has ended before its response begins, and is not delivered any more.
    if (status === 200 && !handed && JSON.parse(said).expiresAt * 1000 <= Date.now()) return undefined;
    if (status !== 200 || !handed) {
      ledger.surprise(`a sign-in was answered ${status} ${said}`);
      return undefined;
    }
    ledger.signIns += 1;
    ledger.see(claimsOf(handed));
    return handed;
  }

  /** The newest token that is known after that. */
  async function present(token) {
    const { status, said, handed } = await ask('/me', { token });
    if (status !== 200 && status !== 503) ledger.surprise(`a live token was answered ${status} ${said}`);
    if (!handed) return token;
    ledger.see(claimsOf(handed));
    return claimsOf(handed).gen > claimsOf(token).gen ? handed : token;
  }

  async function logOut(token) {
    for (;;) {
      const { status, said } = await ask('/auth/logout', { method: 'POST', token });
      if (status === 204) break;
      if (status !== 503) return ledger.surprise(`a logout was answered ${status} ${said}`);
      await delay(200);
    }
    ledger.logouts += 1;
    const deadline = Date.now() + 30_000;
    for (;;) {
      // Pushed to all processes at once, and found by polling when the store has been away.
      const { status, handed } = await ask('/me', { token });
      if (handed) ledger.surprise('a token of an ended session was refreshed');
      if (status === 401) return undefined;
      if (Date.now() > deadline) return ledger.surprise(`30 s after its logout a session is answered ${status}`);
      await delay(200);
    }
  }

  while (!isOver()) {
    let token = await signIn();
    if (!token) continue;
    const end = Date.now() + 20_000 * random();
    while (Date.now() < end && !isOver()) {
      const times = random() < 0.2 ? 5 : 1;
      const tokens = await Promise.all(Array.from({ length: times }, () => present(token)));
      token = tokens.reduce((newest, other) => (claimsOf(other).gen > claimsOf(newest).gen ? other : newest));
      await delay(400 * random());
    }
    await logOut(token);
    ledger.forget(claimsOf(token).sid);
  }
}
