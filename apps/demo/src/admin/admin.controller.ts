import { Controller, Get, UseGuards } from '@nestjs/common';
import { UsersService } from '../users/users.service.js';
import { AdminGuard } from './admin.guard.js';

@Controller('admin')
@UseGuards(AdminGuard)
export class AdminController {
  constructor(private readonly users: UsersService) {}

  @Get('report')
  report(): { users: number } {
    return { users: this.users.count() };
  }
}
