import { Module } from '@nestjs/common';
import { AuthController } from './auth.controller.js';
import { OrdersController } from './orders.controller.js';

@Module({ controllers: [AuthController, OrdersController] })
export class AppModule {}
