import { BadRequestException, Body, Controller, Get, Inject, Put } from '@nestjs/common';
import { Public } from 'nestjs-refresh-auth';
import { FAULTS } from './faults.js';
import type { StoreFaults } from './store-faults.js';

interface StoreState {
  running: boolean;
}

/** Switches the store on and off. It takes PUT, which pages of other origins can send only if CORS allows it. */
@Public()
@Controller('faults/store')
export class FaultsController {
  constructor(@Inject(FAULTS) private readonly faults: StoreFaults) {}

  @Get()
  get(): StoreState {
    return { running: this.faults.isRunning };
  }

  @Put()
  put(@Body() body: unknown): StoreState {
    const { running } = Object(body) as Partial<Record<keyof StoreState, unknown>>;
    if (typeof running !== 'boolean')
      throw new BadRequestException('Write { "running": true } or { "running": false }');
    if (running) this.faults.start();
    else this.faults.stop();
    return this.get();
  }
}
