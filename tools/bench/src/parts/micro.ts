import {
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  timingSafeEqual,
  verify as verifyRaw,
} from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { LRUCache } from 'lru-cache';
import { measure } from 'mitata';
import type { RefreshAuthCore } from '../../../../libs/refresh-auth/dist/compiled/refresh-auth.core.js';
import { createKeyRing } from '../../../../libs/refresh-auth/dist/compiled/options/key-options.js';
import { TokenSigner } from '../../../../libs/refresh-auth/dist/compiled/tokens/signing.js';
import { TokenTimes } from '../../../../libs/refresh-auth/dist/compiled/tokens/token-times.js';
import { TokenVerifier } from '../../../../libs/refresh-auth/dist/compiled/tokens/verifying.js';
import { Sealer } from '../../../../libs/refresh-auth/dist/compiled/sessions/sealing.js';
import type { KeyOptions } from 'nestjs-refresh-auth';
import { coreInMemory } from '../support/core.js';
import type { Effort, Section } from '../support/section.js';
import { show, summarize } from '../support/statistics.js';
import { LIFETIMES, SECRET } from '../support/tokens.js';

const ROUNDS = 5;
/** For each case and round, in nanoseconds. */
const TIME = 120e6;

interface Case {
  readonly name: string;
  /** The case that it is set against. */
  readonly against?: string;
  readonly run: () => unknown;
}

/** One thing at a time, in a loop: what is left out is the garbage that it leaves, and the caches that a real request finds cold. */
export async function measureMicro({ quick }: Effort): Promise<Section[]> {
  const core = coreInMemory();
  await core.start();
  const cases = [
    ...['HS256', 'RS256', 'ES256'].flatMap((algorithm) => firstSight(algorithm)),
    ...again(core),
    ...refreshing(),
  ];
  const samples = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
    for (const { name, run } of cases) {
      const { p50 } = await measure(run, { min_cpu_time: quick ? 1e6 : TIME });
      samples.get(name)?.push(p50 / 1000);
    }
  }
  await core.stop();
  const figures = cases.map(({ name, against }) => {
    const own = samples.get(name) ?? [];
    const other = against === undefined ? undefined : samples.get(against);
    return {
      name,
      against,
      time: summarize(own),
      ratio: other && summarize(own.map((time, i) => time / (other[i] ?? time))),
    };
  });
  return [
    {
      name: 'micro',
      title: 'One thing at a time',
      head: ['', 'us', 'times', ''],
      rows: figures.map(({ name, against, time, ratio }) => [
        name,
        show(time),
        ratio ? show(ratio) : '',
        against ?? '',
      ]),
      remarks: [],
      figures,
    },
  ];
}

function keyFor(algorithm: string): KeyOptions {
  if (algorithm === 'HS256') return { algorithm, secret: SECRET };
  if (algorithm === 'ES256')
    return { algorithm, privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey };
  return { algorithm: 'RS256', privateKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey };
}

const CLOCK = { now: Date.now, monotonic: () => performance.now() };
const TIMES = new TokenTimes(LIFETIMES, CLOCK);
const CLAIMS: { sub: string } = Object.assign({ sub: 'ada' }, { role: 'member' });

function firstSight(algorithm: string): Case[] {
  const ring = createKeyRing({ keys: [keyFor(algorithm)] });
  const { verifyingKey } = ring.signing;
  const { token } = new TokenSigner(ring, {}, TIMES).first(CLAIMS, 0);
  const verifier = new TokenVerifier(ring, {});
  const jwt = new JwtService({
    secretOrKeyProvider: () => verifyingKey,
    verifyOptions: { algorithms: [ring.signing.algorithm] },
  });
  const [raw, service] = [`${algorithm}: node:crypto alone`, `${algorithm}: JwtService with a KeyObject`];
  return [
    { name: raw, run: () => verifySignature(algorithm, token, verifyingKey) },
    { name: service, against: raw, run: () => jwt.verify<object>(token) },
    { name: `${algorithm}: first sight of a token`, against: service, run: () => verifier.verify(token) },
  ];
}

function verifySignature(algorithm: string, token: string, key: KeyObject): boolean {
  const end = token.lastIndexOf('.');
  const [signed, signature] = [token.slice(0, end), Buffer.from(token.slice(end + 1), 'base64url')];
  if (algorithm === 'HS256') return timingSafeEqual(createHmac('sha256', key).update(signed).digest(), signature);
  return verifyRaw('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** A token that this process has seen before, in a header that it has not. */
function again(core: RefreshAuthCore): Case[] {
  const { token } = core.signer.first(CLAIMS, 0);
  // Verifies it for the first time.
  core.authenticator.liveSession(token);
  const cache = new LRUCache<string, string>({ max: 10_000 });
  cache.set(token, token);
  const header = Buffer.from(`Bearer ${token}`, 'latin1');
  const fresh = (): string => header.toString('latin1', 'Bearer '.length);
  const lookup = 'lookup of a fresh string in lru-cache';
  return [
    { name: lookup, run: () => cache.get(fresh()) },
    { name: 'a token seen before', against: lookup, run: () => core.authenticator.acceptKnown(fresh(), true) },
  ];
}

function refreshing(): Case[] {
  const ring = createKeyRing({ secret: SECRET });
  const signer = new TokenSigner(ring, {}, TIMES);
  const { token, claims } = signer.first(CLAIMS, 0);
  const key = createSecretKey(Buffer.from(SECRET));
  const jwt = new JwtService({ secretOrKeyProvider: () => key });
  const sealer = new Sealer(ring, 'refresh-auth');
  const sealed = sealer.seal(token, claims);
  const signed = token.slice(0, token.lastIndexOf('.'));
  const [raw, service] = ['sign, HS256: node:crypto alone', 'sign, HS256: JwtService with a KeyObject'];
  return [
    { name: raw, run: () => createHmac('sha256', key).update(signed).digest('base64url') },
    { name: service, against: raw, run: () => jwt.sign({ ...claims }) },
    { name: 'sign, HS256: a successor', against: service, run: () => signer.successor(claims) },
    { name: 'seal a successor', against: raw, run: () => sealer.seal(token, claims) },
    { name: 'open a successor', against: raw, run: () => sealer.open(sealed, claims) },
  ];
}
