import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from './auth.guard.js';

@UseGuards(AuthGuard)
@Controller('orders')
export class OrdersController {
  @Get()
  mine(@Req() { user }: { user: { sub: string } }) {
    return { of: user.sub, orders: [] };
  }
}
