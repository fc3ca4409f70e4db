import type { KeyObject } from 'node:crypto';
import type { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import type { Algorithm } from './algorithms.js';

/** A key that is ready for use. */
export interface Key {
  readonly kid: string | undefined;
  readonly algorithm: Algorithm;
  readonly verifyingKey: KeyObject;
  /** Absent from a key that only verifies. */
  readonly signingKey?: KeyObject;
  /** Why its secret can be guessed, if it can: good enough to try things out with, and for nothing else. */
  readonly warning?: RefreshAuthOptionsError;
}

export type SigningKey = Key & { readonly signingKey: KeyObject };

/** The keys of the module, fixed at boot: one signs, each verifies its own algorithm. */
export class KeyRing {
  readonly all: readonly Key[];
  readonly #byKid: ReadonlyMap<string | undefined, Key>;

  constructor(
    readonly signing: SigningKey,
    others: readonly Key[] = [],
  ) {
    this.all = [signing, ...others];
    this.#byKid = new Map(this.all.map((key) => [key.kid, key]));
  }

  /** @param kid the header's `kid`, whatever type it has; a token without one belongs to the key without one */
  find(kid: unknown): Key | undefined {
    return this.#byKid.get(kid as string | undefined);
  }
}
