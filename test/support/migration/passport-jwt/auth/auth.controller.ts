import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { ApiTags } from '@nestjs/swagger';
import { AuthService } from './auth.service.js';
import { Credentials } from './credentials.js';
import { Public } from './public.decorator.js';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly jwt: JwtService,
  ) {}

  @Public()
  @Post('login')
  @HttpCode(200)
  async login(@Body() credentials: Credentials) {
    const { id, roles } = await this.auth.check(credentials);
    return { access_token: await this.jwt.signAsync({ sub: id, roles }) };
  }
}
