import { Module } from '@nestjs/common';
import { SessionsController } from './sessions.controller.js';

/** Part of the application only if sessions are tracked. Otherwise there is nothing to list. */
@Module({ controllers: [SessionsController] })
export class SessionsModule {}
