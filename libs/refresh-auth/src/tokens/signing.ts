import { JwtService, type JwtSignOptions } from '@nestjs/jwt';
import { deepFreeze, type IssuedToken, type OwnClaims, type TokenClaims } from './claims.js';
import type { KeyRing } from './keys.js';
import { Random } from './random.js';
import { tagOf } from './session-id.js';
import type { OwnLimits, TokenTimes } from './token-times.js';
import type { Parties } from './verifying.js';

/** Mints the tokens of a session: the first one, and each successor. */
export class TokenSigner {
  readonly #jwt = new JwtService({});
  readonly #options: JwtSignOptions;
  readonly #parties: { iss?: string; aud?: string };
  readonly #random = new Random();

  constructor(
    keys: KeyRing,
    parties: Parties,
    private readonly times: TokenTimes,
  ) {
    const { kid, algorithm, signingKey } = keys.signing;
    this.#options = { privateKey: signingKey, algorithm, ...(kid === undefined ? {} : { keyid: kid }) };
    this.#parties = {
      ...(parties.issuer === undefined ? {} : { iss: parties.issuer }),
      ...(parties.audience === undefined ? {} : { aud: parties.audience }),
    };
  }

  /**
   * Mints the first token of a new session, of generation 0.
   *
   * @param claims those of the application
   * @param rev the user's cutoff
   * @param limits those of this session alone
   */
  first(claims: OwnClaims, rev: number, limits: OwnLimits = {}): IssuedToken {
    const sid = tagOf(claims.sub) + this.#random.id();
    return this.#sign({ ...claims, sid, gen: 0, rev, auth_time: Math.floor(this.times.now / 1000), ...limits });
  }

  /** Mints the token of the next generation. It has the same user, session and claims, and times that count from now. */
  successor(claims: TokenClaims): IssuedToken {
    const { nbf: _, ...kept } = claims as TokenClaims & { nbf?: unknown };
    return this.#sign({ ...kept, gen: claims.gen + 1 });
  }

  /** Signs the claims, with a `jti`, times and parties that are new for every token. */
  #sign(session: Omit<TokenClaims, 'jti' | 'iat' | 'exp' | 'refresh_exp'>): IssuedToken {
    const claims = deepFreeze({
      ...session,
      jti: this.#random.id(),
      ...this.times.signed(session),
      ...this.#parties,
    });
    return { token: this.#jwt.sign(claims, this.#options), claims };
  }
}
