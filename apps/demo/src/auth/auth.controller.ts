import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  HttpStatus,
  Post,
  Req,
  Res,
  UnauthorizedException,
} from '@nestjs/common';
import {
  type HttpRequest,
  type HttpResponse,
  type Inspection,
  Public,
  RefreshAuthError,
  type RefreshAuthErrorCode,
  RefreshAuthService,
} from 'nestjs-refresh-auth';
import { type User, UsersService } from '../users/users.service.js';
import { readCredentials } from './credentials.js';

interface SignedIn {
  user: User;
  expiresAt: number;
  refreshableUntil: number;
}

@Controller('auth')
export class AuthController {
  constructor(
    private readonly auth: RefreshAuthService,
    private readonly users: UsersService,
  ) {}

  @Public()
  @Post('login')
  @HttpCode(HttpStatus.OK)
  async login(
    @Body() body: unknown,
    @Headers('user-agent') userAgent: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<SignedIn> {
    const credentials = readCredentials(body);
    const user = credentials && this.users.findByCredentials(credentials);
    if (!user) {
      throw new UnauthorizedException();
    }
    const { claims } = await this.auth.signIn(
      response,
      { sub: String(user.uid), type: user.type, scope: user.scope },
      { device: userAgent?.slice(0, 200) },
    );
    return { user, expiresAt: claims.exp, refreshableUntil: claims.refresh_exp };
  }

  @Public()
  @Post('logout')
  @HttpCode(HttpStatus.NO_CONTENT)
  async logout(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }

  @Post('logout-everywhere')
  @HttpCode(HttpStatus.NO_CONTENT)
  async logoutEverywhere(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<void> {
    await this.auth.signOut(request, response, { scope: 'user' });
  }

  /** Public, so that looking at a token never renews it. */
  @Public()
  @Get('session')
  async session(@Req() request: HttpRequest): Promise<Inspection | { state: 'dead'; reason: RefreshAuthErrorCode }> {
    try {
      return await this.auth.inspect(this.auth.getToken(request));
    } catch (error) {
      if (error instanceof RefreshAuthError && error.isDeadToken) {
        return { state: 'dead', reason: error.code };
      }
      throw error;
    }
  }
}
