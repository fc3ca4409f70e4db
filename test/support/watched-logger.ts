import type { LoggerService } from '@nestjs/common';
import { inspectOutput } from './leak-watch.js';

/** Nest's logger, at every level: prints nothing, keeps what it was given, and watches for what does not belong there. */
export class WatchedLogger implements LoggerService {
  readonly lines: string[] = [];
  readonly log = this.#at('log');
  readonly fatal = this.#at('fatal');
  readonly error = this.#at('error');
  readonly warn = this.#at('warn');
  readonly debug = this.#at('debug');
  readonly verbose = this.#at('verbose');

  #at(level: string) {
    return (...args: unknown[]): void => {
      inspectOutput(`Logger.${level}`, ...args);
      this.lines.push([level, ...args].map(String).join(' '));
    };
  }
}
