import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { CORE, InjectCore } from '../injected-core.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';

const INDICATORS: unique symbol = Symbol('HealthIndicatorService');

/** The indicator of one module. Those with and without a name are siblings: {@link InjectCore} says why. */
export abstract class ModuleHealthIndicator {
  /** The indicator of the `RefreshAuthModule` with this name: always the same class, so that it can be provided and injected. */
  static named(name: string): typeof RefreshAuthHealthIndicator {
    return namedIndicator(name);
  }

  protected readonly [CORE]!: RefreshAuthCore;
  @Inject(HealthIndicatorService) protected readonly [INDICATORS]!: HealthIndicatorService;

  /**
   * Asks the store, for at most `storeTimeout`; not at all while it is known to be down.
   *
   * @param key names the result
   * @returns `up`, or `down` with the `reason` that the event `store-failed` gives
   */
  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const reason = await this[CORE].storeFailure();
    const indicator = this[INDICATORS].check(key);
    return reason === undefined ? indicator.up() : indicator.down({ reason });
  }
}

/**
 * Reports if the session store works, for the health checks of `@nestjs/terminus`.
 *
 * ```ts
 * this.health.check([() => this.refreshAuth.isHealthy('sessions')])
 * ```
 *
 * For information and alerts: while the store is down, valid tokens still pass, so that a process need not be taken out of service for it.
 */
@Injectable()
@InjectCore()
export class RefreshAuthHealthIndicator extends ModuleHealthIndicator {}

/** Only classes, no state: Nest finds a provider by its class, so that the same name has to give the same one. */
const namedIndicators = new Map<string, typeof RefreshAuthHealthIndicator>();

function namedIndicator(name: string): typeof RefreshAuthHealthIndicator {
  const known = namedIndicators.get(name);
  if (known) return known;
  @Injectable()
  @InjectCore(name)
  class NamedRefreshAuthHealthIndicator extends ModuleHealthIndicator {}
  namedIndicators.set(name, NamedRefreshAuthHealthIndicator);
  return NamedRefreshAuthHealthIndicator;
}
