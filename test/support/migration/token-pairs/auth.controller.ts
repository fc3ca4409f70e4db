import { Body, Controller, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { TokenPairs } from './token-pairs.service.js';
import { users } from './users.js';

@Controller('auth')
export class AuthController {
  constructor(private readonly tokens: TokenPairs) {}

  @Post('login')
  @HttpCode(200)
  async login(@Body() { name, password }: { name: string; password: string }) {
    const user = users.find((candidate) => candidate.name === name && candidate.password === password);
    if (!user) throw new UnauthorizedException();
    return this.tokens.begin(user);
  }

  @Post('refresh')
  @HttpCode(200)
  async refresh(@Body() { refreshToken }: { refreshToken: string }) {
    const claims = await this.tokens.verifyRefresh(refreshToken);
    if (!claims) throw new UnauthorizedException();
    return { accessToken: this.tokens.accessToken(claims) };
  }

  @Post('logout')
  @HttpCode(204)
  async logout(@Body() { refreshToken }: { refreshToken: string }) {
    const claims = await this.tokens.verifyRefresh(refreshToken);
    if (claims) await this.tokens.end(claims);
  }
}
