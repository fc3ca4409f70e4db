import { Controller, Get, Inject } from '@nestjs/common';
import { Public } from 'nestjs-refresh-auth';
import type { About } from './about.interface.js';
import { ABOUT } from './about.js';

@Public()
@Controller('about')
export class AboutController {
  constructor(@Inject(ABOUT) private readonly about: Omit<About, 'now'>) {}

  @Get()
  get(): About {
    return { ...this.about, now: Date.now() };
  }
}
