import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { CORE, InjectCore } from '../injected-core.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';

const INDICATORS: unique symbol = Symbol('TerminusModule: write it in the imports of this module');

/** The indicator of one module. Those with and without a name are siblings: {@link InjectCore} says why. */
export abstract class ModuleHealthIndicator {
  /** Returns the indicator of the `RefreshAuthModule` with this name. Returns the same class each time, so that it can be provided and injected. */
  static named(name: string): typeof RefreshAuthHealthIndicator {
    return namedIndicator(name);
  }

  protected readonly [CORE]!: RefreshAuthCore;
  @Inject(HealthIndicatorService) protected readonly [INDICATORS]!: HealthIndicatorService;

  /**
   * Asks the store, for at most `storeTimeout`. Does not ask while the store is known to be down.
   *
   * @param key the name of the result
   * @returns `up`, or `down` with the `reason` of the event `store-failed`
   */
  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const reason = await this[CORE].storeFailure();
    const indicator = this[INDICATORS].check(key);
    return reason === undefined ? indicator.up() : indicator.down({ reason });
  }
}

/**
 * Reports the health of the session store to `@nestjs/terminus`.
 *
 * ```ts
 * this.health.check([() => this.refreshAuth.isHealthy('sessions')])
 * ```
 *
 * Use it for information and alerts, not to take a process out of service: valid tokens are still accepted while the store is down.
 */
@Injectable()
@InjectCore()
export class RefreshAuthHealthIndicator extends ModuleHealthIndicator {}

/** The classes that `named()` has returned. Nest finds a provider by its class, so each name needs exactly one. */
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
