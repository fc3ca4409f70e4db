import { Module } from '@nestjs/common';
import { AuthController } from './auth.controller.js';
import { OrdersController } from './orders.controller.js';
import { TokenPairs } from './token-pairs.service.js';

@Module({ controllers: [AuthController, OrdersController], providers: [TokenPairs] })
export class AppModule {}
