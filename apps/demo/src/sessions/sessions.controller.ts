import { Controller, Delete, Get, HttpCode, HttpStatus, NotFoundException, Param } from '@nestjs/common';
import { CurrentUser, RefreshAuthService, type SessionInfo } from 'nestjs-refresh-auth';

/** The devices of the signed-in user. */
@Controller('auth/sessions')
export class SessionsController {
  constructor(private readonly auth: RefreshAuthService) {}

  @Get()
  async list(@CurrentUser('sub') sub: string): Promise<SessionInfo[]> {
    return this.auth.listSessions(sub);
  }

  /** Ends one of the user's own sessions. A session of another user gets the same 404 as an unknown one. */
  @Delete(':sid')
  @HttpCode(HttpStatus.NO_CONTENT)
  async end(@CurrentUser('sub') sub: string, @Param('sid') sid: string): Promise<void> {
    const own = await this.auth.listSessions(sub);
    if (!own.some((session) => session.sid === sid)) {
      throw new NotFoundException();
    }
    await this.auth.revokeSession(sid);
  }
}
