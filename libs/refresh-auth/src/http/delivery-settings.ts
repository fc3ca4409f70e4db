import type { Cookie } from './cookie.js';

/** Where a response carries a token: in a header, a cookie, or both. */
export interface DeliverySettings {
  readonly header: { readonly name: string; readonly scheme: string } | undefined;
  readonly cookie: Cookie | undefined;
}
