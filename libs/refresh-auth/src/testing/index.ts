export { type ContractCheck, sessionStoreContract, type StoreFeatures } from './contract/session-store-contract.js';
export type { StoresUnderTest } from './contract/checks.js';
export { assertTokenDelivered, deliveredToken, type ResponseWithHeaders } from './delivered-token.js';
export {
  inMemory,
  type OverridableModule,
  type ProviderOverride,
  refreshAuthTestingModule,
  type TestingModuleOptions,
} from './in-memory.js';
export { type MintOptions, mintToken } from './mint-token.js';
export { signedInAs } from './signed-in-as.js';
export { TestClock } from './test-clock.js';
export { type StoreChanges, type StoreQuestion, wrapStore, type WrappedStore } from './wrap-store.js';
