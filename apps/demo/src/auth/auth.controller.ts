import {
  BadRequestException,
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
  type IssuedToken,
  Public,
  RefreshAuthError,
  type RefreshAuthErrorCode,
  RefreshAuthService,
  type SignInOptions,
} from 'nestjs-refresh-auth';
import { type User, UsersService } from '../users/users.service.js';
import { GRACE } from '../grace/grace.js';
import { readCredentials } from './credentials.js';
import { readLimits } from './limits.js';

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
  @Public(GRACE)
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
    const options = { device: userAgent?.slice(0, 200), ...readLimits(body) };
    const { claims } = await this.#signIn(response, user, options);
    return { user, expiresAt: claims.exp, refreshableUntil: claims.refresh_exp };
  }

  @Public()
  @Public(GRACE)
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

  /** Returns the state of the token. Public, so that asking for it never refreshes the token. */
  @Public()
  @Public(GRACE)
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

  async #signIn(response: HttpResponse, user: User, options: SignInOptions): Promise<IssuedToken> {
    try {
      return await this.auth.signIn(response, { sub: String(user.uid), type: user.type, scope: user.scope }, options);
    } catch (error) {
      // The client chooses the limits. The library's error says which of them exceeds those of the server.
      throw error instanceof TypeError ? new BadRequestException(error.message) : error;
    }
  }
}
