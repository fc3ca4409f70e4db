import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { CurrentUser, type UserClaims } from 'nestjs-refresh-auth';
import { type User, UsersService } from './users.service.js';

@Controller()
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get('me')
  me(@CurrentUser() { sub, type, scope }: UserClaims): Omit<User, 'username'> {
    return { uid: Number(sub), type, scope };
  }

  @Get('users/:uid')
  profile(@Param('uid') uid: string): User {
    const user = this.users.findByUid(uid);
    if (!user) {
      throw new NotFoundException();
    }
    return user;
  }
}
