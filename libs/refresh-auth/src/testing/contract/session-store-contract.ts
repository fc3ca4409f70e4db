import { announcingChecks } from './announcing.js';
import { benchOf, type Check, type StoresUnderTest } from './checks.js';
import { keepingChecks } from './keeping.js';
import { listingChecks } from './listing.js';
import { logChecks } from './log.js';
import { restoringChecks } from './restoring.js';
import { reuseChecks } from './reuse.js';
import { revocationChecks } from './revocation.js';
import { rotationChecks } from './rotation.js';

/** The check of one sentence of the contract of `SessionStore`. */
export interface ContractCheck {
  /** The sentence, for the name of a test. */
  readonly name: string;
  /** Rejects if the store breaks it. */
  readonly check: () => Promise<void>;
}

/** Which of the optional methods of `SessionStore` a store has. */
export interface StoreFeatures {
  /** `revocationsAfter` and `onRevocation`. @default true */
  pushes?: boolean | undefined;
  /** `listedSessions` and `replaceDetails`, and `details` and `currentSeal` of `rotate`. @default true */
  lists?: boolean | undefined;
  /** `restoreRevocations`. @default true */
  restores?: boolean | undefined;
  /** `announceKeys`. @default true */
  announces?: boolean | undefined;
}

/**
 * Returns the checks of the contract of `SessionStore`, one for each sentence of its doc comments. For authors of stores, with any test
 * framework:
 *
 * ```ts
 * for (const { name, check } of sessionStoreContract(open)) test(name, check);
 * ```
 *
 * @param makeStore opens the store. Called for each check. Checks tolerate the data of others, so it may return the same store each time,
 *   with a `close` that does nothing
 * @param features which optional methods the store has. Defaults to all
 */
export function sessionStoreContract(
  makeStore: () => StoresUnderTest | Promise<StoresUnderTest>,
  { pushes = true, lists = true, restores = true, announces = true }: StoreFeatures = {},
): ContractCheck[] {
  const checks: Check[] = [
    ...rotationChecks,
    ...reuseChecks,
    ...revocationChecks,
    ...keepingChecks,
    ...(pushes ? logChecks : []),
    ...(lists ? listingChecks : []),
    ...(restores ? restoringChecks : []),
    ...(announces ? announcingChecks : []),
  ];
  return checks.map(({ name, run }) => ({
    name,
    check: async () => {
      const stores = await makeStore();
      try {
        await run(benchOf(stores));
      } finally {
        await stores.close();
      }
    },
  }));
}
