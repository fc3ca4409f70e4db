import { Logger } from '@nestjs/common';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Credentials } from '../http/credentials.js';
import type { CrossSiteCheck } from '../http/cross-site.js';
import { hasHeaders, type HttpRequest } from '../http/http-message.js';
import type { Authentication, Authenticator } from '../sessions/authenticator.js';
import { BEFORE_FIRST } from '../sessions/legacy-tokens.js';
import type { Connection, OpenSession, OpenSessions } from '../sessions/open-sessions.js';
import {
  closeForeign,
  closeWith,
  handshakeToken,
  isGone,
  isSocketClient,
  onClose,
  onRenewal,
  requestOf,
  sendException,
  type SocketClient,
} from './socket-client.js';

/** How many messages of one socket wait until it is admitted. */
const MOST_WAITING = 100;

/** A socket for which the application has called `admit`. */
export class AdmittedSocket implements Connection {
  /** `undefined` once it is decided. */
  #decision: Promise<Authentication | undefined> | undefined;
  #session: OpenSession | undefined;
  /** The generation of the token that the client has presented last. */
  #generation = 0;
  #refusal: RefreshAuthError | undefined;
  #waiting = 0;

  constructor(
    private readonly client: SocketClient,
    private readonly sessions: OpenSessions,
    private readonly authenticator: Authenticator,
  ) {}

  /** Admits the socket, or refuses and closes it. Never rejects. */
  decide(authenticate: () => Promise<Presented>): Promise<Authentication | undefined> {
    this.#decision = this.#decide(authenticate).finally(() => (this.#decision = undefined));
    return this.#decision;
  }

  /** Returns what was decided; `undefined` if the socket was refused or has closed. */
  async decided(): Promise<Authentication | undefined> {
    return this.#decision ?? this.check().catch(() => undefined);
  }

  /**
   * Decides on a message. Messages that come before the socket is admitted wait for that.
   *
   * @throws RefreshAuthError why the message is refused
   */
  async check(): Promise<Authentication> {
    await this.#wait();
    if (this.#refusal) throw this.#refusal;
    if (!this.#session) throw new RefreshAuthError('store_unavailable', 'the socket has closed');
    return this.sessions.check(this.#session);
  }

  /** Takes a newer token of the same session. Answers any other token with an exception, and changes nothing. */
  async renew(token: unknown): Promise<void> {
    try {
      await this.#wait();
      if (this.#session && !this.#refusal) this.#renew(this.#session, token);
    } catch (error) {
      if (!isGone(this.client)) sendException(this.client, error as RefreshAuthError);
    }
  }

  end(reason: RefreshAuthError): void {
    this.#refusal = reason;
    try {
      if (!isGone(this.client)) closeWith(this.client, reason);
    } catch (error) {
      // A listener of the application has thrown. The other sockets of the session must be closed all the same.
      logger.error('A socket could not be closed', error instanceof Error ? error.stack : undefined);
    }
  }

  /** Forgets the socket, which has closed. */
  leave(): void {
    if (this.#session) this.sessions.leave(this.#session, this);
    this.#session = undefined;
  }

  async #decide(authenticate: () => Promise<Presented>): Promise<Authentication | undefined> {
    try {
      const { authentication, generation } = await authenticate();
      if (isGone(this.client)) return undefined;
      this.#generation = generation;
      this.#session = this.sessions.join(authentication.claims, this);
      return this.#refusal ? undefined : authentication;
    } catch (error) {
      this.end(error instanceof RefreshAuthError ? error : logUnexpected(error));
      return undefined;
    }
  }

  #renew(session: OpenSession, token: unknown): void {
    const { sid, sub } = session.claims;
    const claims = typeof token === 'string' ? this.authenticator.liveSession(token) : undefined;
    if (claims?.sid !== sid || claims.sub !== sub || claims.gen <= this.#generation) {
      throw new RefreshAuthError('token_invalid');
    }
    this.#generation = claims.gen;
    this.sessions.renew(session, claims);
  }

  async #wait(): Promise<void> {
    if (!this.#decision) return;
    if (this.#waiting >= MOST_WAITING) {
      throw new RefreshAuthError('store_unavailable', `more than ${MOST_WAITING} messages wait for the admission`);
    }
    this.#waiting += 1;
    await this.#decision;
    this.#waiting -= 1;
  }
}

/** The token of a handshake. */
interface Presented {
  readonly authentication: Authentication;
  /** The generation of the token that the client has. */
  readonly generation: number;
}

/** Admits sockets when they connect, and finds what was decided when they send messages. */
export class AdmittedSockets {
  /** The property under which a client has its admission: each module has one of its own. A map would slow down garbage collection. */
  readonly #key = Symbol('nestjs-refresh-auth:admission');

  constructor(
    private readonly credentials: Credentials,
    private readonly crossSite: CrossSiteCheck,
    private readonly authenticator: Authenticator,
    private readonly sessions: OpenSessions,
  ) {}

  /** Returns the admission of a client; `undefined` if the application has not called `admit`. */
  find(client: object): AdmittedSocket | undefined {
    return (client as Record<symbol, AdmittedSocket | undefined>)[this.#key];
  }

  /**
   * Decides on a socket that connects, and closes it if it is refused. Several gateways share the clients of one server: the first call
   * decides, and the others return the same.
   *
   * @param request the request that opened it. Defaults to the one that a client of socket.io keeps
   * @returns never rejects; `undefined` if the socket was refused or has closed
   */
  async admit(client: object, request?: HttpRequest): Promise<Authentication | undefined> {
    if (!isSocketClient(client)) {
      logger.error(
        'admit(client, request) needs the client of socket.io or ws that handleConnection(client, request) gets. For sockets of other libraries, write authenticate(token) and ended(claims)',
      );
      closeForeign(client);
      return undefined;
    }
    const known = this.find(client);
    if (known) return known.decided();
    const socket = new AdmittedSocket(client, this.sessions, this.authenticator);
    Object.defineProperty(client, this.#key, { value: socket });
    onClose(client, () => socket.leave());
    onRenewal(client, (token) => void socket.renew(token));
    return socket.decide(() => this.#authenticate(client, request ?? requestOf(client)));
  }

  async #authenticate(client: SocketClient, request: HttpRequest | undefined): Promise<Presented> {
    const token = handshakeToken(client) ?? (await this.#tokenOf(request));
    // This is not a use of the token, because no response could carry a new one.
    const authentication = await this.authenticator.authenticate(token, 'refresh', {
      waited: 0,
      isUse: false,
      request,
    });
    const presented = authentication.refreshed ? this.authenticator.liveSession(token) : authentication.claims;
    // A legacy token comes before the first one of its session.
    return { authentication, generation: presented?.gen ?? BEFORE_FIRST };
  }

  async #tokenOf(request: HttpRequest | undefined): Promise<string> {
    if (!hasHeaders(request)) {
      logger.error(
        'admit(client) cannot find the request that opened a socket: write admit(client, request) in handleConnection(client, request)',
      );
      throw new RefreshAuthError('token_missing');
    }
    const { credentials, crossSite } = this;
    const rivals = credentials.rivals(request);
    if (rivals.length > 1) await this.authenticator.learnEnds(rivals);
    const token = credentials.token(request);
    // A handshake counts as unsafe although it is a GET: the page that opened the socket sends messages over it.
    if (credentials.isAmbient(request, token)) crossSite.refuseForeign(request);
    return token;
  }
}

const logger = new Logger('RefreshAuthModule');

/** Logs an unexpected error, and returns one that tells the client to try again. */
function logUnexpected(error: unknown): RefreshAuthError {
  logger.error('A socket could not be admitted', error instanceof Error ? error.stack : undefined);
  return new RefreshAuthError('store_unavailable');
}
