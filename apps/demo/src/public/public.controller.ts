import { Controller, Get } from '@nestjs/common';
import { Public } from 'nestjs-refresh-auth';

@Controller('public')
export class PublicController {
  @Public()
  @Get()
  welcome(): { message: string } {
    return { message: 'No token needed here.' };
  }
}
