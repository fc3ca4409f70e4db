import { Logger } from '@nestjs/common';
import { moduleTitle } from '../errors/module-title.js';
import { type HttpRequest, rawRequest } from '../http/http-message.js';
import type { ReusePolicy } from '../sessions/rotation.js';

/**
 * Tells which requests are served without a new token because they ask for it: `Refresh-Auth: no-refresh`, in any case. They come from
 * servers that act on a user's behalf and cannot hand a new token to the user's browser. Under reuse detection the header is ignored unless
 * `allowNoRefresh` is set, since a thief who sends it is not detected while the user is away.
 */
export class NoRefresh {
  readonly #logger: Logger;
  #isWarned = false;

  /** @param name that of the module */
  constructor(
    private readonly reuseDetection: ReusePolicy,
    name?: string,
  ) {
    this.#logger = new Logger(moduleTitle(name));
  }

  isHonoured(request: HttpRequest): boolean {
    const value = rawRequest(request).headers['refresh-auth'];
    if (typeof value !== 'string' || value.trim().toLowerCase() !== 'no-refresh') return false;
    if (!this.reuseDetection || this.reuseDetection.allowNoRefresh) return true;
    this.#warn();
    return false;
  }

  #warn(): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.#logger.warn(
      'A request with the header `Refresh-Auth: no-refresh` was treated like any other. If it comes from a server of yours, such as one that renders pages, set the option `reuseDetection.allowNoRefresh` to true.',
    );
  }
}
