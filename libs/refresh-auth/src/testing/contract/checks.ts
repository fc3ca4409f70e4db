import { deepStrictEqual } from 'node:assert';
import { randomBytes, randomUUID } from 'node:crypto';
import type {
  RotationAnswer,
  RotationRequest,
  SealedToken,
  SessionOfToken,
  SessionStore,
} from '../../store/session-store.js';
import { tagOf } from '../../tokens/session-id.js';
import type { TestClock } from '../test-clock.js';

/** The stores of one check, and their clock. */
export interface StoresUnderTest {
  /** One for each process that shares the sessions. One is enough if processes do not share them. */
  readonly stores: readonly [SessionStore, ...SessionStore[]];
  /** The clock of all these stores. */
  readonly clock: TestClock;
  /** Lets time pass, in milliseconds, on that clock and for all that is stored. */
  pass(milliseconds: number): Promise<void>;
  /** Closes the stores. Called at the end of the check. */
  close(): Promise<void>;
}

/** A store with all that one can do; a check that needs a part is only made of stores that have it. */
export type WholeStore = Required<SessionStore>;

/** The stores of one check, a session and a user of its own, and what a check does most. */
export interface Bench extends StoresUnderTest {
  readonly stores: readonly [WholeStore, ...WholeStore[]];
  readonly store: WholeStore;
  readonly session: SessionOfToken;
  readonly sid: string;
  readonly sub: string;
  now(): number;
  rotate(request: Asked): Promise<RotationAnswer>;
  rotateTo(successor: string, generation: number, keep?: number): Promise<RotationAnswer>;
  /** Asks what stands there, without writing anything. */
  latest(): Promise<RotationAnswer>;
}

/** A question about the session of a check. */
export type Asked = Omit<RotationRequest, 'sid' | 'sub' | 'rev'> & { readonly rev?: number };

/** One sentence of the contract. */
export interface Check {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** The checks of one topic; `prepare` goes before each of them. */
export function about(
  topic: string,
  define: (check: (name: string, run: Check['run']) => void) => void,
  prepare?: Check['run'],
): Check[] {
  const checks: Check[] = [];
  define((name, run) => {
    checks.push({
      name: `${topic}: ${name}`,
      async run(bench) {
        await prepare?.(bench);
        await run(bench);
      },
    });
  });
  return checks;
}

export function benchOf(stores: StoresUnderTest): Bench {
  const session = sessionOf();
  const bench: Bench = {
    ...(stores as Bench),
    store: stores.stores[0] as WholeStore,
    ...session,
    session,
    pass: (milliseconds) => stores.pass(milliseconds),
    now: () => stores.clock.now(),
    rotate: (request) => bench.store.rotate({ ...session, ...request }),
    rotateTo: (text, generation, keep) => bench.rotate({ generation, candidate: successor(text, keep) }),
    latest: () => bench.rotate({ generation: 0 }),
  };
  return bench;
}

/** One of the stores after the other. */
export const storeOf = (t: Bench, turn: number): WholeStore => t.stores[turn % t.stores.length] ?? t.store;

/** A session that nobody has heard of, of a user of its own or of the one that is given. */
export function sessionOf(sub: string = randomUUID()): SessionOfToken {
  return { sid: `${tagOf(sub)}${randomBytes(16).toString('base64url')}`, sub, rev: 0 };
}

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The time for which most revocations are kept. */
export const ttl = { record: HOUR, log: HOUR };

/** Every byte there is. */
export const NOT_TEXT = Uint8Array.from({ length: 256 }, (_, index) => index);

export function successor(text: string | Uint8Array, keep = HOUR): SealedToken {
  return { sealed: Buffer.from(text), ttl: keep };
}

export const ROTATED: RotationAnswer = { outcome: 'rotated', lostWrite: false };
export const ROTATED_AFTER_LOSS: RotationAnswer = { outcome: 'rotated', lostWrite: true };
export const CURRENT: RotationAnswer = { outcome: 'current' };
export const REVOKED: RotationAnswer = { outcome: 'revoked' };

export function cutOff(cutoff: number): RotationAnswer {
  return { outcome: 'revoked', cutoff };
}

export function handedOver(latest: number, sealed: string | Uint8Array): RotationAnswer {
  return { outcome: 'handed-over', latest, sealed: Buffer.from(sealed) };
}

export function superseded(latest: number): RotationAnswer {
  return { outcome: 'superseded', latest };
}

export function reused(latest: number): RotationAnswer {
  return { outcome: 'reused', latest };
}

/**
 * The one comparison of all checks, of whole values: bytes by what they are, whichever kind of array they are in, and a property that is
 * `undefined` as none.
 *
 * @throws AssertionError
 */
export function same(actual: unknown, expected: unknown): void {
  deepStrictEqual(comparable(actual), comparable(expected));
}

function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes: ${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Set) return new Set([...value].map(comparable));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, property]) => property !== undefined)
      .map(([name, property]) => [name, comparable(property)]),
  );
}
