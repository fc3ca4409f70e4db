import { Inject, Injectable } from '@nestjs/common';
import { RefreshAuthService } from 'nestjs-refresh-auth';
import { FAULTS } from '../faults/faults.js';
import type { StoreFaults } from '../faults/store-faults.js';
import type { About } from './about.interface.js';

/** Knows the state of the store, from the events of the library. */
@Injectable()
export class StoreWatch {
  #isFailing = false;

  constructor(
    auth: RefreshAuthService,
    @Inject(FAULTS) private readonly faults: StoreFaults | undefined,
  ) {
    auth.events.subscribe(({ type }) => {
      if (type === 'store-failed') this.#isFailing = true;
      if (type === 'store-recovered') this.#isFailing = false;
    });
  }

  get state(): About['storeState'] {
    if (this.faults?.isRunning === false) return 'stopped';
    return this.#isFailing ? 'down' : 'up';
  }
}
