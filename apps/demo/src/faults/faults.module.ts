import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { FAULTS } from './faults.js';
import { FaultsController } from './faults.controller.js';
import type { StoreFaults } from './store-faults.js';

@Module({ controllers: [FaultsController] })
export class FaultsModule implements OnApplicationShutdown {
  static forRoot(faults: StoreFaults): DynamicModule {
    return { module: FaultsModule, providers: [{ provide: FAULTS, useValue: faults }] };
  }

  constructor(@Inject(FAULTS) private readonly faults: StoreFaults) {}

  async onApplicationShutdown(): Promise<void> {
    await this.faults.close();
  }
}
