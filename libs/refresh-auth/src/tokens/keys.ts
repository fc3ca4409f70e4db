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
  /** The reason why the secret can be guessed, if there is one. Such a key boots with a warning, for trying things out. */
  readonly warning?: RefreshAuthOptionsError;
}

export type SigningKey = Key & { readonly signingKey: KeyObject };

/** The keys of the module, fixed at boot. One key signs. Each key verifies only its own algorithm. */
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

  /**
   * Returns the key with this `kid`. A token without a `kid` belongs to the key without one.
   *
   * @param kid the `kid` of an unverified header, of any type
   */
  find(kid: unknown): Key | undefined {
    return this.#byKid.get(kid as string | undefined);
  }
}
