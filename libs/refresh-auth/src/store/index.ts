// For authors of stores, and for applications that replace the store of a module: `SessionStore` is its injection token.
export { InMemorySessionStore } from './in-memory-session-store.js';
export {
  type Cutoff,
  LateRevocation,
  type ListedSession,
  type ListingPage,
  type ReuseRule,
  type Revocation,
  type RevocationPage,
  type RevocationTtl,
  type RotationAnswer,
  type RotationRequest,
  type SealedToken,
  type SessionOfToken,
  SessionStore,
  StoreError,
  type UsedGeneration,
} from './session-store.js';
