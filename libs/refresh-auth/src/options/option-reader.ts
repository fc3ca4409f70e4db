import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { lacksUnit, parseDuration } from './duration.js';

/** 100 years: signed times and JavaScript dates can express it, and nothing that is meant to end lives longer. */
const LONGEST_SECONDS = 100 * 365 * 24 * 60 * 60;
/** In bytes. A longer text may be a secret that was given to the wrong option: those for HMAC have at least 32 bytes. */
const LONGEST_SHOWN = 20;

/** Reads one option, of any type. What it does not accept is a {@link RefreshAuthOptionsError} that names the option by its path. */
export class OptionReader {
  /**
   * @param value as the application wrote it
   * @param path such as `keys[1].algorithm`; empty for the argument that holds all options
   * @param call the call that it was given to, as errors name it
   * @param isDefault true if the application did not write it
   */
  constructor(
    readonly value: unknown,
    readonly path = '',
    private readonly call?: string,
    readonly isDefault = false,
  ) {}

  get isGiven(): boolean {
    return this.value !== undefined;
  }

  /** Returns this option, or one with a default if it is `undefined`. */
  or(fallback: unknown): OptionReader {
    return this.isGiven ? this : new OptionReader(fallback, this.path, this.call, true);
  }

  /** Returns a duration as an error may show it: as the application wrote it, and in seconds. */
  shownSeconds(seconds: number): string {
    return typeof this.value === 'string' ? `${shown(this.value)} (${seconds} s)` : `${seconds} s`;
  }

  /**
   * Returns the error for a wrong value.
   *
   * @param problem what is wrong with it, as the rest of a sentence
   * @param remedy what to write instead, as a sentence
   */
  error(problem: string, remedy: string): RefreshAuthOptionsError {
    return new RefreshAuthOptionsError(this.path, problem, remedy, this.call);
  }

  /** Throws the error for a wrong value. */
  fail(problem: string, remedy: string): never {
    throw this.error(problem, remedy);
  }

  /** Reads an object that has no options but these. */
  object<const Name extends string>(
    names: readonly Name[],
    remedy = `Write an object with ${names.join(', ')}.`,
  ): Readonly<Record<Name, OptionReader>> {
    const { value } = this;
    if (!isObject(value)) this.fail('is not an object', remedy);
    for (const name of Object.keys(value)) {
      if (!(names as readonly string[]).includes(name))
        this.#part(name, undefined).fail('is not known', `Use only ${names.join(', ')}.`);
    }
    return Object.fromEntries(names.map((name) => [name, this.#part(name, value[name])])) as Record<Name, OptionReader>;
  }

  /** Reads a list. */
  list(remedy: string): OptionReader[] {
    if (!Array.isArray(this.value)) this.fail('is not a list', remedy);
    // map() would leave out the holes of a list.
    return Array.from(this.value as unknown[], (entry, index) => this.#at(`[${index}]`, entry));
  }

  boolean(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.fail('is not a boolean', 'Write true or false.');
  }

  /** Reads one of a few texts. */
  choice<const Value extends string>(values: readonly Value[]): Value {
    const chosen = values.find((value) => value === this.value);
    if (chosen !== undefined) return chosen;
    const known = values.map((value) => `'${value}'`).join(', ');
    return this.fail(`is ${shown(this.value)}, which is not known`, `Write one of ${known}.`);
  }

  /** Reads a duration in whole seconds. A number is in seconds. */
  seconds(least = 1): number {
    const { value } = this;
    if (typeof value === 'string' && lacksUnit(value) && value.length <= LONGEST_SHOWN) {
      this.fail(
        `is ${shown(value)}, a number without a unit`,
        `Write ${Number(value)} as a number, or a string with a unit such as '${value.trim()}s'.`,
      );
    }
    const seconds = typeof value === 'number' ? value : parseDuration(value) / 1000;
    if (Number.isInteger(seconds) && seconds >= least && seconds <= LONGEST_SECONDS) return seconds;
    return this.fail(
      `is ${shown(value)}`,
      `Write whole seconds, from ${least} to 100 years: a number such as 900, or a string with a unit such as '15m'.`,
    );
  }

  /** Reads a time-out in milliseconds. It needs a unit: the numbers of other options are seconds. */
  milliseconds(): number {
    const { value } = this;
    const remedy = "Write a string with a unit, such as '500ms' or '2s'.";
    if (typeof value === 'number' || (typeof value === 'string' && lacksUnit(value) && value.length <= LONGEST_SHOWN))
      this.fail(`is ${shown(value)}, a number without a unit`, remedy);
    const milliseconds = parseDuration(value);
    // setTimeout fires at once beyond 31 bits.
    if (Number.isInteger(milliseconds) && milliseconds >= 1 && milliseconds < 2 ** 31) return milliseconds;
    return this.fail(`is ${shown(value)}`, `${remedy} The limits are 1 ms and 24 days.`);
  }

  #part(name: string, value: unknown): OptionReader {
    return this.#at(this.path === '' ? name : `.${name}`, value);
  }

  #at(suffix: string, value: unknown): OptionReader {
    return new OptionReader(value, `${this.path}${suffix}`, this.call);
  }
}

/** Returns false for a list, a Map, a Date or a promise: none of their contents is an option, so they would count as an object without options. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** Returns a value as an error may show it, which operators log: never a text that is long enough to be a secret. */
function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return `of type ${value === null ? 'null' : typeof value}`;
  return Buffer.byteLength(value) <= LONGEST_SHOWN ? `'${value}'` : `a string of ${value.length} characters`;
}
