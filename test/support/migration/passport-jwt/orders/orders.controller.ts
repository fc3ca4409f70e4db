import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/public.decorator.js';
import { Roles } from '../auth/roles.decorator.js';
import { CurrentUser } from '../auth/user.decorator.js';
import type { User } from '../users/users.service.js';

@ApiTags('orders')
@ApiBearerAuth()
@Controller('orders')
export class OrdersController {
  @Get()
  mine(@CurrentUser() { name }: User) {
    return { of: name, orders: [] };
  }

  @Get('all')
  @Roles('admin')
  all() {
    return { orders: [] };
  }

  @Get('hours')
  @Public()
  hours() {
    return { open: '9 to 17' };
  }
}
