/** The claims that this application adds at sign-in: `@CurrentUser()` and `@CurrentUser('type')` are typed by them. */
declare module 'nestjs-refresh-auth' {
  interface UserClaims {
    type: 'admin' | 'user';
    scope: string;
  }
}

export {};
