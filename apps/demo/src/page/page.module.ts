import { type DynamicModule, Module } from '@nestjs/common';
import type { Settings } from '../settings.js';
import { ABOUT, describe } from './about.js';
import { AboutController } from './about.controller.js';
import { PageController } from './page.controller.js';
import { PageFiles } from './page-files.js';

@Module({
  controllers: [PageController, AboutController],
  providers: [PageFiles],
})
export class PageModule {
  static forRoot(settings: Settings): DynamicModule {
    return { module: PageModule, providers: [{ provide: ABOUT, useValue: describe(settings) }] };
  }
}
