import { type Observable, Subject } from 'rxjs';
import type { RefreshAuthError, RefreshAuthErrorCode } from '../errors/refresh-auth-error.js';
import type { Clock } from '../tokens/clock.js';
import { sessionName } from '../tokens/session-id.js';

interface SessionFacts {
  /** The session's name in the revocation log: the first 8 characters of its `sid`, a dot, and the first 22 of its SHA-256 in base64url. */
  readonly session: string;
}

interface GenerationFacts extends SessionFacts {
  /** The generation that the event is about. -1 is a token that the option `legacy` has accepted. */
  readonly gen: number;
}

interface EventTypes {
  /** A token was refreshed. `gen` is the generation of the new token. */
  refreshed: GenerationFacts;
  /** A superseded token was presented, and the latest token was handed over. `gen` is the generation of the latest token. */
  'already-refreshed': GenerationFacts;
  /**
   * A superseded token, of generation `gen`, was presented at an age of `grace` or more. It was rejected (`token_superseded`), and its session
   * lives on. `latest`: the latest generation.
   */
  'reuse-suspected': GenerationFacts & { readonly latest: number };
  /**
   * A superseded token was presented at an age of `revokeAfter` or more: it counts as stolen (`token_reused`). `kind`: `'predecessor'` of the latest
   * generation, or an older `'ancestor'`. `revoked`: true if the session was ended for it.
   */
  'reuse-detected': GenerationFacts & {
    readonly latest: number;
    readonly kind: 'predecessor' | 'ancestor';
    readonly revoked: boolean;
  };
  /** A session was revoked. `elsewhere`: by another process, from which this one learned of it. */
  'session-revoked': SessionFacts & { readonly elsewhere?: true };
  /**
   * All sessions of a user were revoked, apart from `except`. `user` is the SHA-256 of the `sub` in base64url, cut to 22 characters. `except`
   * is a session's name, as in `session`. `elsewhere` as in `session-revoked`.
   */
  'user-revoked': { readonly user: string; readonly except?: string; readonly elsewhere?: true };
  /**
   * The store is down, full, or answers with an error. Emitted once until the store works again, and once for each session that a sign-in
   * should have ended meanwhile, with that `session`. `reason` is the store's error without arguments.
   */
  'store-failed': Partial<SessionFacts> & { readonly reason: string };
  /** The store works again: it answers, and has returned no error for 10 seconds. */
  'store-recovered': object;
  /** The store rejects this process's subscription to revocations, for `reason`. The process polls instead, and learns of revocations within 2 s. */
  'subscription-failed': { readonly reason: string };
  /** Another application, which shares no key with this process, stores its sessions under the same `keyPrefix`. Emitted once per process. */
  'prefix-shared': { readonly keyPrefix: string };
  /**
   * A token has an `iss` or `aud` that the options of this process do not name. Processes that do name it keep its session under another
   * default `keyPrefix`, `other`, so a session that is revoked there lives on here. Emitted once per process.
   */
  'prefix-split': { readonly keyPrefix: string; readonly other: string };
  /** The store had an older generation than the token proves, for example after a failover, and adopted that of the token, `gen`. */
  'lost-write': GenerationFacts;
  /** The sealed token in the store could not be opened, or did not belong to the session. It was not handed over. */
  'sealed-token-rejected': GenerationFacts;
  /** A new token of this many `bytes` does not fit into a cookie. It was sent only in the header; if the header is off, nothing was refreshed. */
  'token-too-large': GenerationFacts & { readonly bytes: number };
  /** The store could not record that this generation is in use. Theft may be detected later than usual. */
  'use-not-recorded': GenerationFacts;
  /**
   * A request was refused. `session` and `gen` are present if the token's signature was verified. `origin` is present if the request was
   * refused because another origin triggered it: `scheme://host[:port]`, or `'null'` if the browser did not name it.
   */
  'token-rejected': Partial<GenerationFacts> & {
    readonly code: RefreshAuthErrorCode;
    readonly detail?: string;
    readonly origin?: string;
  };
}

/** An event of the library, distinguished by `type`. It never contains a token, a claim or a secret. */
export type RefreshAuthEvent = {
  [Type in keyof EventTypes]: {
    readonly type: Type;
    /** The time of the event, in milliseconds since 1970-01-01T00:00:00Z. */
    readonly at: number;
  } & EventTypes[Type];
}[keyof EventTypes];

/** Emits the events of the library. */
export class Events {
  readonly #subject = new Subject<RefreshAuthEvent>();
  readonly observable: Observable<RefreshAuthEvent> = this.#subject.asObservable();

  constructor(private readonly clock: Clock) {}

  emit<Type extends keyof EventTypes>(type: Type, facts: EventTypes[Type]): void {
    this.#subject.next({ type, at: this.clock.now(), ...facts } as RefreshAuthEvent);
  }

  /**
   * Emits `token-rejected`.
   *
   * @param claims those of the rejected token, if they could be verified
   */
  rejected({ code, detail, origin }: RefreshAuthError, claims?: { readonly sid: string; readonly gen: number }): void {
    this.emit('token-rejected', {
      code,
      ...(detail === undefined ? {} : { detail }),
      ...(origin === undefined ? {} : { origin }),
      ...(claims && this.generation(claims)),
    });
  }

  /** Returns the facts by which an event identifies a generation of a session. */
  generation({ sid, gen }: { readonly sid: string; readonly gen: number }): GenerationFacts {
    return { session: sessionName(sid), gen };
  }

  /** Completes the observable when the application closes. */
  complete(): void {
    this.#subject.complete();
  }
}
