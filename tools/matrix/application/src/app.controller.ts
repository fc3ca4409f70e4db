import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  TokenState,
} from 'nestjs-refresh-auth';

@Controller()
export class AppController {
  constructor(private readonly auth: RefreshAuthService) {}

  @Public()
  @Post('login')
  @HttpCode(204)
  async login(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Public()
  @Post('logout')
  @HttpCode(204)
  async logout(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }

  @Get('profile')
  profile(@CurrentUser('sub') sub: string, @TokenState() state: string): { sub: string; state: string } {
    return { sub, state };
  }

  @Get('user')
  user(@CurrentUser() user: unknown): unknown {
    return user;
  }
}
