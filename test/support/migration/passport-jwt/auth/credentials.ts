import { ApiProperty } from '@nestjs/swagger';

export class Credentials {
  @ApiProperty({ example: 'ada' })
  name!: string;

  @ApiProperty({ example: 'lovelace' })
  password!: string;
}
