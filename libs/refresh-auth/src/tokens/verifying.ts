import { JwtService } from '@nestjs/jwt';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { assertTokenClaims, deepFreeze, isObject, type TokenClaims } from './claims.js';
import { hasObjectPayload, headerSegment, malformed, readHeader, type TokenHeader } from './compact.js';
import type { Key, KeyRing } from './keys.js';

/** What is signed into every token and checked in every token, on the expired path too. */
export interface Parties {
  readonly issuer?: string;
  readonly audience?: string;
}

/** As a token names them, in whatever form. */
export type SignedParties = Readonly<Record<keyof Parties, unknown>>;

const MAX_HEADERS = 100;

/** Checks everything about a token but the time: grammar, key, signature, parties and claims. */
export class TokenVerifier {
  // The library's own instances, one for each key: whatever the application sets on its JwtModule cannot loosen these checks.
  readonly #jwt: ReadonlyMap<Key, JwtService>;
  /** Headers of tokens that were verified, as they were written: whoever signs writes all of a key alike. */
  readonly #headers = new Map<string, TokenHeader>();
  #isUnnamedReported = false;

  constructor(
    private readonly keys: KeyRing,
    private readonly parties: Parties,
    /** Called once, for the first token that names an issuer or audience where `parties` names none: such a token passes. */
    private readonly unnamed: (signed: SignedParties) => void = () => undefined,
  ) {
    this.#jwt = new Map(keys.all.map((key) => [key, jwtServiceFor(key, parties)]));
  }

  /**
   * @returns the claims, frozen
   * @throws RefreshAuthError `token_malformed` or `token_invalid`
   */
  verify(token: string): TokenClaims {
    // Whatever an application's own `getToken` may return.
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
    // Only a plain JWT is ours: a nested, encrypted or explicitly typed one was made for another purpose (RFC 8725 section 3.11).
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
      // Not only JsonWebTokenError: odd payloads make jsonwebtoken throw SyntaxError and TypeError too.
      throw invalid('the signature, the issuer or the audience is wrong');
    }
  }
}

function jwtServiceFor({ algorithm, verifyingKey }: Key, parties: Parties): JwtService {
  return new JwtService({
    secretOrKeyProvider: () => verifyingKey,
    verifyOptions: {
      algorithms: [algorithm],
      // jsonwebtoken looks at exp before issuer and audience, so that an expired token would skip those: time is checked by us.
      ignoreExpiration: true,
      ignoreNotBefore: true,
      ...parties,
    },
  });
}

function invalid(detail: string): RefreshAuthError {
  return new RefreshAuthError('token_invalid', detail);
}
