import { type DynamicModule, Module } from '@nestjs/common';
import { FAULTS } from '../faults/faults.js';
import type { StoreFaults } from '../faults/store-faults.js';
import type { Settings } from '../settings.js';
import { ABOUT, describe } from './about.js';
import { AboutController } from './about.controller.js';
import { PageController } from './page.controller.js';
import { PageFiles } from './page-files.js';
import { StoreWatch } from './store-watch.js';

@Module({
  controllers: [PageController, AboutController],
  providers: [PageFiles, StoreWatch],
})
export class PageModule {
  static forRoot(settings: Settings, faults: StoreFaults | undefined): DynamicModule {
    return {
      module: PageModule,
      providers: [
        { provide: ABOUT, useValue: describe(settings) },
        { provide: FAULTS, useValue: faults },
      ],
    };
  }
}
