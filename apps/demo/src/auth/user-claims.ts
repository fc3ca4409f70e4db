/** The claims that this application adds at sign-in. They give `@CurrentUser()` and `@CurrentUser('type')` their types. */
declare module 'nestjs-refresh-auth' {
  interface UserClaims {
    type: 'admin' | 'user';
    scope: string;
  }
}

export {};
