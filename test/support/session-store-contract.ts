import { afterAll, beforeAll, test } from '@jest/globals';
import { sessionStoreContract, type StoreFeatures, type StoresUnderTest } from 'nestjs-refresh-auth/testing';

/** Every store passes the one contract that the library gives to authors of stores; here on one connection for all of its checks. */
export function itKeepsTheContract(open: () => Promise<StoresUnderTest>, features?: StoreFeatures): void {
  let stores: StoresUnderTest;

  beforeAll(async () => {
    stores = await open();
  });
  afterAll(() => stores.close());

  const shared = (): StoresUnderTest => ({ ...stores, close: async () => undefined });
  // oxlint-disable-next-line jest/valid-title, jest/expect-expect -- the checks have names and assertions of their own
  for (const { name, check } of sessionStoreContract(shared, features)) test(name, check);
}
