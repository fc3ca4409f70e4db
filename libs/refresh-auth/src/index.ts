export { CurrentUser } from './decorators/current-user.js';
export { InjectRefreshAuth } from './decorators/inject-refresh-auth.js';
export { OptionalAuth } from './decorators/optional-auth.js';
export { Public } from './decorators/public.js';
export { TokenState } from './decorators/token-state.js';
export { type DeadReason, RefreshAuthError, type RefreshAuthErrorCode } from './errors/refresh-auth-error.js';
export { RefreshAuthOptionsError } from './errors/refresh-auth-options-error.js';
export type { CookieOptions, PreviousCookie } from './options/cookie-options.js';
export type { CrossSiteOptions } from './options/cross-site-options.js';
export type { DeliveryOptions } from './options/delivery-options.js';
export type { RequestResponse } from './contexts/execution-context.js';
export type { HttpRequest, HttpResponse } from './http/http-message.js';
export { getCurrentUser, getTokenState } from './contexts/request-state.js';
export { RefreshAuthGuard } from './refresh-auth.guard.js';
export { RefreshAuthInterceptor } from './refresh-auth.interceptor.js';
export type { RefreshAuthModuleExtras, RefreshAuthOptionsFactory } from './refresh-auth.module-definition.js';
export { RefreshAuthModule } from './refresh-auth.module.js';
export type { RefreshAuthOptions } from './options/refresh-auth-options.js';
export { RefreshAuthService, type SignInOptions, type SignOutOptions } from './refresh-auth.service.js';
export type { Authentication, Inspection, LiveTokenState } from './sessions/authenticator.js';
export type { ReloadClaims } from './sessions/claims-reloader.js';
export type { RefreshAuthEvent } from './events/events.js';
export { InMemorySessionStore } from './store/in-memory-session-store.js';
export {
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
  type Cutoff,
  type UsedGeneration,
} from './store/session-store.js';
export type { IssueOptions } from './options/issue-options.js';
export type { SessionInfo } from './sessions/tracked-sessions.js';
export type { IssuedToken, OwnClaims, ReservedClaim, TokenClaims } from './tokens/claims.js';
export type { Duration } from './options/duration.js';
export type { Algorithm } from './tokens/algorithms.js';
export type { KeyOptions } from './options/key-options.js';
// The star is needed: only through it can an application augment UserClaims under the package's name.
export * from './tokens/user-claims.js';
