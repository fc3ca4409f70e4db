import { type Observable, Subject } from 'rxjs';
import type { RefreshAuthError, RefreshAuthErrorCode } from '../errors/refresh-auth-error.js';
import type { Clock } from '../tokens/clock.js';
import { sessionName } from '../tokens/session-id.js';

interface SessionFacts {
  /** The session's name in the store's log: the first 8 characters of its `sid`, a dot, and the first 22 of its SHA-256 in base64url. */
  readonly session: string;
}

interface GenerationFacts extends SessionFacts {
  /** The generation that the event is about. */
  readonly gen: number;
}

interface EventTypes {
  /** A token was refreshed; `gen` is that of the new one. */
  refreshed: GenerationFacts;
  /** A superseded token was presented and the latest token, of generation `gen`, handed over. */
  'already-refreshed': GenerationFacts;
  /**
   * A superseded token, of generation `gen`, was presented later than `grace` after something newer came into use. It was rejected
   * (`token_superseded`), and its session lives. `latest`: the latest generation.
   */
  'reuse-suspected': GenerationFacts & { readonly latest: number };
  /**
   * As `reuse-suspected`, but later than `revokeAfter`: somebody else has the token (`token_reused`). `kind`: `'predecessor'` of the latest
   * generation, or an older `'ancestor'`. `revoked`: true if the session was ended for it.
   */
  'reuse-detected': GenerationFacts & {
    readonly latest: number;
    readonly kind: 'predecessor' | 'ancestor';
    readonly revoked: boolean;
  };
  /** A session was ended. */
  'session-revoked': SessionFacts;
  /** All sessions of a user were ended, but the excepted one. `user`: SHA-256 of the `sub`, base64url, cut to 22 characters; `except`: named as `session`. */
  'user-revoked': { readonly user: string; readonly except?: string };
  /**
   * The store did not decide: it is out, full, or refuses. Once, until it works again; and for each session that a sign-in should have
   * ended meanwhile, which `session` then names. `reason` is the store's error, without arguments.
   */
  'store-failed': Partial<SessionFacts> & { readonly reason: string };
  /** The store works again: it answers, and has refused nothing for ten seconds. */
  'store-recovered': object;
  /** The store does not let this process listen for revocations, for that `reason`: it learns of those of others within 2 s, by polling. */
  'subscription-failed': { readonly reason: string };
  /** Another application, which has no key in common with this process, keeps its sessions under the same `keyPrefix`. Once per process. */
  'prefix-shared': { readonly keyPrefix: string };
  /**
   * A token was verified whose `iss` or `aud` the options of this process do not name, so that processes that name it keep its session under
   * another default `keyPrefix`, `other`: what ends there does not end here. Once per process.
   */
  'prefix-split': { readonly keyPrefix: string; readonly other: string };
  /** The store knew less than the token proves, as after a failover: adopted. `gen` is that of the presented token. */
  'lost-write': GenerationFacts;
  /** What stood in the store as the latest token could not be opened or was not a token of that session; it was not handed over. */
  'sealed-token-rejected': GenerationFacts;
  /** A new token, of so many `bytes`, does not fit into a cookie: it went out in the header alone or, without one, nothing was refreshed. */
  'token-too-large': GenerationFacts & { readonly bytes: number };
  /** The store was not told that this generation is in use: theft may be noticed later. */
  'use-not-recorded': GenerationFacts;
  /**
   * A request was refused. `session` and `gen` only where the token's signature was verified. `origin` only where another origin made a
   * browser send the request and that is the reason: `scheme://host[:port]`, or `'null'` if the browser did not name it.
   */
  'token-rejected': Partial<GenerationFacts> & {
    readonly code: RefreshAuthErrorCode;
    readonly detail?: string;
    readonly origin?: string;
  };
}

/** Something that happened, told apart by `type`. Never holds a token, a claim or a secret. */
export type RefreshAuthEvent = {
  [Type in keyof EventTypes]: {
    readonly type: Type;
    /** When, in milliseconds since 1970-01-01T00:00:00Z. */
    readonly at: number;
  } & EventTypes[Type];
}[keyof EventTypes];

/** Where the parts of the library report what happens. */
export class Events {
  readonly #subject = new Subject<RefreshAuthEvent>();
  readonly observable: Observable<RefreshAuthEvent> = this.#subject.asObservable();

  constructor(private readonly clock: Clock) {}

  emit<Type extends keyof EventTypes>(type: Type, facts: EventTypes[Type]): void {
    this.#subject.next({ type, at: this.clock.now(), ...facts } as RefreshAuthEvent);
  }

  /** @param claims of the token that was rejected, where they could be verified */
  rejected({ code, detail, origin }: RefreshAuthError, claims?: { readonly sid: string; readonly gen: number }): void {
    this.emit('token-rejected', {
      code,
      ...(detail === undefined ? {} : { detail }),
      ...(origin === undefined ? {} : { origin }),
      ...(claims && this.generation(claims)),
    });
  }

  /** The facts by which an event names a generation of a session. */
  generation({ sid, gen }: { readonly sid: string; readonly gen: number }): GenerationFacts {
    return { session: sessionName(sid), gen };
  }

  complete(): void {
    this.#subject.complete();
  }
}
