import { Injectable, UnauthorizedException } from '@nestjs/common';
import { type User, UsersService } from '../users/users.service.js';

@Injectable()
export class AuthService {
  constructor(private readonly users: UsersService) {}

  async check({ name, password }: { name: string; password: string }): Promise<User> {
    const user = await this.users.findByName(name);
    if (!user || user.password !== password || user.isBlocked) throw new UnauthorizedException();
    return user;
  }
}
