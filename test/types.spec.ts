// The public types, as applications meet them. The compiler checks most of it: `npm run typecheck`.
import { describe, expect, test } from '@jest/globals';
import {
  CurrentUser,
  getCurrentUser,
  type HttpRequest,
  type HttpResponse,
  RefreshAuthGuard,
  type RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { makeCore, serviceOf } from './support/core.js';

interface OwnUserClaims {
  sub: string;
  email: string;
}

class User {
  constructor(
    readonly id: string,
    readonly email: string,
  ) {}
}

/** Compiles only if a value has exactly this type. */
type Exactly<T> = <U>(value: U & ([U] extends [T] ? ([T] extends [U] ? unknown : never) : never)) => void;

const expectString: Exactly<string> = (value) => expect(value).toEqual(expect.any(String));
const expectNumber: Exactly<number> = (value) => expect(value).toEqual(expect.any(Number));

function service(): RefreshAuthService<OwnUserClaims> {
  return serviceOf<OwnUserClaims>(makeCore());
}

describe('[F77] the types of an application', () => {
  test('results of a typed service have its claims and those of the library', async () => {
    const auth = service();
    const { token, claims } = await auth.issue({ sub: '1', email: 'ada@example.com', role: 'admin' });
    const authentication = await auth.authenticate(token);
    const inspection = await auth.inspect(token);

    expectString(claims.email);
    expectString(claims.role);
    expectString(claims.sid);
    expectNumber(claims.exp);
    expectString(authentication.claims.email);
    expectNumber(authentication.claims.exp);
    expectString(authentication.claims.sid);
    expectNumber(inspection.claims!.refresh_exp);
    expectString(inspection.claims!.email);
    // @ts-expect-error -- a claim that nobody signs
    expect(authentication.claims.role).toBe('admin');
  });

  test('toUser takes the claims of the application, and returns its user', async () => {
    class UserGuard extends RefreshAuthGuard<OwnUserClaims> {
      override async toUser({ sub, email, exp }: OwnUserClaims & TokenClaims): Promise<User> {
        expectNumber(exp);
        return new User(sub, email);
      }
    }
    class AdminGuard extends RefreshAuthGuard.named('admin')<OwnUserClaims> {
      override toUser({ sub, email }: OwnUserClaims): User {
        return new User(sub, email);
      }
    }
    const { claims } = await service().issue({ sub: '1', email: 'ada@example.com' });

    expect([await new UserGuard().toUser(claims), new AdminGuard().toUser(claims)]).toEqual([
      new User('1', 'ada@example.com'),
      new User('1', 'ada@example.com'),
    ]);
  });

  test('@CurrentUser() and getCurrentUser() know its user', () => {
    class Controller {
      handle(@CurrentUser<User>('email') email: string, @CurrentUser<User>() user: User): unknown {
        return [email, user];
      }

      // @ts-expect-error -- a property that the user does not have
      wrong(@CurrentUser<User>('mail') mail: string): string {
        return mail;
      }
    }
    const request = { headers: {}, user: new User('1', 'ada@example.com') } as unknown as HttpRequest;

    expectString(getCurrentUser<User>(request)!.email);
    expect(new Controller().handle('a', new User('1', 'a'))).toEqual(['a', new User('1', 'a')]);
  });
});

describe('[F78] claims with reserved names', () => {
  test('do not compile', async () => {
    const auth = service();
    const own = { sub: '1', email: 'ada@example.com' };

    // @ts-expect-error -- reserved
    await expect(auth.issue({ ...own, exp: 1 })).rejects.toThrow('Claim `exp` is reserved');
    // @ts-expect-error -- reserved
    const signIn = (response: HttpResponse): Promise<unknown> => auth.signIn(response, { ...own, sid: 'x' });
    // @ts-expect-error -- reserved
    const mint = (app: never): Promise<unknown> => mintToken(app, { ...own, refresh_exp: 1 });
    expect([signIn, mint]).toEqual([expect.any(Function), expect.any(Function)]);
    // @ts-expect-error -- `email` is missing
    await auth.issue({ sub: '1' });
  });

  test('are those of the library alone: others compile, of any type', async () => {
    const { claims } = await service().issue({ sub: '1', email: 'a', expires: 1, nested: { sid: 'x' } } as const);

    expect([claims.expires, claims.nested.sid]).toEqual([1, 'x']);
    expectString(claims.sid);
  });
});
