import { Body, Controller, HttpCode, Post, Req, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { promisify } from 'node:util';
import { users } from './users.js';

@Controller('auth')
export class AuthController {
  @Post('login')
  @HttpCode(204)
  async login(@Req() request: Request, @Body() { name, password }: { name: string; password: string }) {
    const user = users.find((candidate) => candidate.name === name && candidate.password === password);
    if (!user) throw new UnauthorizedException();
    await promisify(request.session.regenerate.bind(request.session))();
    request.session.user = { id: user.id, roles: user.roles };
  }

  @Post('logout')
  @HttpCode(204)
  async logout(@Req() request: Request) {
    await promisify(request.session.destroy.bind(request.session))();
  }
}
