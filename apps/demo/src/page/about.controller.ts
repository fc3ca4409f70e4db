import { Controller, Get, Inject } from '@nestjs/common';
import { Public } from 'nestjs-refresh-auth';
import type { About } from './about.interface.js';
import { ABOUT, type FixedAbout } from './about.js';
import { StoreWatch } from './store-watch.js';

@Public()
@Controller('about')
export class AboutController {
  constructor(
    @Inject(ABOUT) private readonly about: FixedAbout,
    private readonly store: StoreWatch,
  ) {}

  @Get()
  get(): About {
    return { ...this.about, storeState: this.store.state, now: Date.now() };
  }
}
