import { JwtService } from '@nestjs/jwt';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { assertTokenClaims, deepFreeze, isObject, type TokenClaims } from './claims.js';
import { hasObjectPayload, headerSegment, malformed, readHeader, type TokenHeader } from './compact.js';
import type { Key, KeyRing } from './keys.js';

/** The issuer and audience that are signed into every token and checked in every token, expired ones included. */
export interface Parties {
  readonly issuer?: string;
  readonly audience?: string;
}

/** The issuer and audience in a token, of any type. */
export type SignedParties = Readonly<Record<keyof Parties, unknown>>;

const MAX_HEADERS = 100;

/** Checks a token's grammar, key, signature, parties and claims. Does not check its times. */
export class TokenVerifier {
  // The library has its own instance for each key, so that settings of the application's JwtModule cannot weaken these checks.
  readonly #jwt: ReadonlyMap<Key, JwtService>;
  /** The headers of verified tokens, by their encoded text. Tokens that one signer makes with one key all have the same header. */
  readonly #headers = new Map<string, TokenHeader>();
  #isUnnamedReported = false;

  constructor(
    private readonly keys: KeyRing,
    private readonly parties: Parties,
    /** Called once, for the first token with an issuer or audience that `parties` does not name. Such a token is accepted. */
    private readonly unnamed: (signed: SignedParties) => void = () => undefined,
  ) {
    this.#jwt = new Map(keys.all.map((key) => [key, jwtServiceFor(key, parties)]));
  }

  /**
   * Verifies a token and returns its claims, frozen.
   *
   * @throws RefreshAuthError `token_malformed` or `token_invalid`
   */
  verify(token: string): TokenClaims {
    // An application's own `getToken` may return anything.
    if (typeof token !== 'string') throw malformed('not a string');
    const segment = headerSegment(token);
    const header = this.#headers.get(segment) ?? readHeader(token);
    try {
      const claims = this.#verifySigned(token, this.#keyFor(header));
      if (this.#headers.size < MAX_HEADERS) this.#headers.set(segment, header);
      return claims;
    } catch (error) {
      if (!hasObjectPayload(token)) throw malformed('the payload is not a JSON object');
      throw error;
    }
  }

  #keyFor(header: TokenHeader): Key {
    const key = this.keys.find(header['kid']);
    if (!key) throw invalid('unknown kid');
    if (header['alg'] !== key.algorithm) throw invalid('the algorithm is not that of the key');
    // Only plain JWTs are ours. A nested, encrypted or explicitly typed one was made for another purpose (RFC 8725 section 3.11).
    const { typ = 'JWT' } = header;
    if (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT') throw invalid('typ is not JWT');
    if (Object.hasOwn(header, 'cty') || Object.hasOwn(header, 'enc')) throw invalid('a nested or encrypted token');
    return key;
  }

  #verifySigned(token: string, key: Key): TokenClaims {
    const payload = this.#payload(token, key);
    if (!isObject(payload)) throw invalid('the payload is not a JSON object');
    assertTokenClaims(payload);
    this.#reportUnnamed(payload);
    return deepFreeze(payload);
  }

  #reportUnnamed({ iss, aud }: Record<string, unknown>): void {
    if (this.#isUnnamedReported) return;
    const { issuer, audience } = this.parties;
    if ((iss === undefined || issuer !== undefined) && (aud === undefined || audience !== undefined)) return;
    this.#isUnnamedReported = true;
    this.unnamed({ issuer: iss, audience: aud });
  }

  #payload(token: string, key: Key): unknown {
    try {
      return this.#jwt.get(key)?.verify<Record<string, unknown>>(token);
    } catch {
      // Catches every error: unusual payloads make jsonwebtoken throw SyntaxError and TypeError, not only JsonWebTokenError.
      throw invalid('the signature, the issuer or the audience is wrong');
    }
  }
}

function jwtServiceFor({ algorithm, verifyingKey }: Key, parties: Parties): JwtService {
  return new JwtService({
    secretOrKeyProvider: () => verifyingKey,
    verifyOptions: {
      algorithms: [algorithm],
      // jsonwebtoken checks `exp` before issuer and audience, so it would skip these for an expired token. The library checks times itself.
      ignoreExpiration: true,
      ignoreNotBefore: true,
      ...parties,
    },
  });
}

function invalid(detail: string): RefreshAuthError {
  return new RefreshAuthError('token_invalid', detail);
}
