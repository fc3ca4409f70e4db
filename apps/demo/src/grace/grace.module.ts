import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.js';
import { GraceAuthController, GraceUsersController } from './grace.controllers.js';

@Module({
  imports: [UsersModule],
  controllers: [GraceAuthController, GraceUsersController],
})
export class GraceModule {}
