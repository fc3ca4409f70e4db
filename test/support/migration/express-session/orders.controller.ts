import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import type { Request } from 'express';
import { SessionGuard } from './session.guard.js';

@UseGuards(SessionGuard)
@Controller('orders')
export class OrdersController {
  @Get()
  mine(@Req() { session }: Request) {
    return { of: session.user?.id, orders: [] };
  }
}
