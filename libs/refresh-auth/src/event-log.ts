import { Logger } from '@nestjs/common';
import { moduleTitle } from './errors/module-title.js';
import type { RefreshAuthEvent } from './events/events.js';
import { OriginWarnings } from './http/origin-warnings.js';
import type { RefreshAuthSettings } from './options/refresh-auth-options.js';
import type { SessionStore } from './store/session-store.js';
import { storePlace } from './options/store-place.js';
import { missingShutdownHooks } from './shutdown-warning.js';

/** Logs the events that an operator may have to act on, and rejected tokens at level debug. Never logs a token, claim or secret. */
export class EventLog {
  readonly #logger: Logger;
  readonly #origins = new OriginWarnings();
  readonly #keyPrefix: string;

  /** True until the shutdown hooks are checked; false from the start if they have nothing to write. */
  #isShutdownUnchecked: boolean;

  constructor({ name, keyPrefix, reuseDetection, redis, store }: RefreshAuthSettings) {
    this.#logger = new Logger(moduleTitle(name));
    this.#keyPrefix = keyPrefix;
    this.#isShutdownUnchecked = reuseDetection !== undefined && (redis ?? store) !== undefined;
  }

  /** Logs where the sessions are kept. A typo in the name of an environment variable would otherwise silently mean memory. */
  logPlace(store: SessionStore): void {
    this.#logger.log(`Sessions are kept ${storePlace(store)}`);
  }

  /** Logs a warning about the set-up. */
  warn(warning: string): void {
    this.#logger.warn(warning);
  }

  log(event: RefreshAuthEvent): void {
    const { type } = event;
    if (type === 'token-rejected') this.#logRejection(event);
    if (type === 'refreshed') this.#checkShutdown();
    if (type === 'store-recovered') this.#logger.log('The session store works again');
    const warning = this.#warningOf(event);
    if (warning !== undefined) this.#logger.warn(warning);
  }

  #warningOf(event: RefreshAuthEvent): string | undefined {
    if (event.type === 'token-rejected') return this.#origins.about(event);
    if (event.type === 'store-failed') return `The session store failed: ${event.reason}`;
    if (event.type === 'token-too-large')
      return `A new token has ${event.bytes} bytes, which is too many for where it is delivered. Sign fewer claims.`;
    if (event.type === 'subscription-failed')
      return `Redis does not let this process listen for revocations (${event.reason}): it learns of those of others by polling, every 2 s. Allow its user the channels of the option \`keyPrefix\`: ACL SETUSER <user> &${this.#keyPrefix}:*`;
    if (event.type === 'prefix-shared')
      return `Another application, with none of the keys of this one, keeps its sessions under the same \`keyPrefix\`, '${event.keyPrefix}': when one ends all sessions of a user, it ends those of the user with the same id in the other. Give each application a \`keyPrefix\` of its own. Ignore this if you have just replaced all keys of this application.`;
    if (event.type === 'prefix-split')
      return `A token was accepted whose \`iss\` or \`aud\` the options \`issuer\` and \`audience\` of this process do not name. This process keeps sessions under '${event.keyPrefix}', and those that name them, by default, under '${event.other}': a session that one of them ends goes on here, and the reverse. Set the option \`keyPrefix\` to the same value in all processes that accept each other's tokens.`;
    return undefined;
  }

  /** A refresh shows that the application serves requests. From the first one on, uses are queued. */
  #checkShutdown(): void {
    if (!this.#isShutdownUnchecked) return;
    this.#isShutdownUnchecked = false;
    const warning = missingShutdownHooks();
    if (warning !== undefined) this.#logger.warn(warning);
  }

  #logRejection(event: Extract<RefreshAuthEvent, { type: 'token-rejected' }>): void {
    const { code, detail, session, gen } = event;
    const reason = detail === undefined ? code : `${code} (${detail})`;
    const whose = session === undefined ? '' : `, session ${session}, generation ${gen}`;
    this.#logger.debug(`Rejected: ${reason}${whose}`);
  }
}
