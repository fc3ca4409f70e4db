import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { RefreshAuthCore } from '../refresh-auth.core.js';
import { coreToken } from '../refresh-auth.constants.js';

/**
 * Whether the session store works, for the health checks of `@nestjs/terminus`.
 *
 * ```ts
 * this.health.check([() => this.refreshAuth.isHealthy('sessions')])
 * ```
 *
 * For information and alerts: while the store is out, valid tokens still pass, so that a process need not be taken out of service for it.
 */
@Injectable()
export class RefreshAuthHealthIndicator {
  /** The indicator of the `RefreshAuthModule` with this name: always the same class, so that it can be provided and injected. */
  static named(name: string): typeof RefreshAuthHealthIndicator {
    return namedIndicator(name);
  }

  constructor(
    @Inject(RefreshAuthCore) private readonly core: RefreshAuthCore,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
  ) {}

  /**
   * Asks the store, for at most `storeTimeout`; not at all while it is known to be out.
   *
   * @param key names the result
   * @returns `up`, or `down` with the `reason` that the event `store-failed` gives
   */
  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const reason = await this.core.storeFailure();
    const indicator = this.indicators.check(key);
    return reason === undefined ? indicator.up() : indicator.down({ reason });
  }
}

/** Only classes, no state: Nest finds a provider by its class, so that the same name has to give the same one. */
const namedIndicators = new Map<string, typeof RefreshAuthHealthIndicator>();

function namedIndicator(name: string): typeof RefreshAuthHealthIndicator {
  const known = namedIndicators.get(name);
  if (known) return known;
  @Injectable()
  class NamedRefreshAuthHealthIndicator extends RefreshAuthHealthIndicator {
    constructor(
      @Inject(coreToken(name)) core: RefreshAuthCore,
      @Inject(HealthIndicatorService) indicators: HealthIndicatorService,
    ) {
      super(core, indicators);
    }
  }
  namedIndicators.set(name, NamedRefreshAuthHealthIndicator);
  return NamedRefreshAuthHealthIndicator;
}
