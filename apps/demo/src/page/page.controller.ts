import { Controller, Get, NotFoundException, Param, Res, StreamableFile } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Public } from 'nestjs-refresh-auth';
import { PageFiles } from './page-files.js';

@Public()
@Controller()
export class PageController {
  constructor(
    private readonly files: PageFiles,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @Get()
  index(@Res({ passthrough: true }) response: unknown): StreamableFile {
    return this.#send('index.html', response);
  }

  @Get('page/:name')
  file(@Param('name') name: string, @Res({ passthrough: true }) response: unknown): StreamableFile {
    return this.#send(name, response);
  }

  @Get('page/docs/:name')
  documentation(@Param('name') name: string, @Res({ passthrough: true }) response: unknown): StreamableFile {
    return this.#send(`docs/${name}`, response);
  }

  #send(path: string, response: unknown): StreamableFile {
    const file = this.files.find(path);
    if (!file) throw new NotFoundException();
    const headers = {
      'Content-Security-Policy': this.files.policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-cache',
    };
    for (const [name, value] of Object.entries(headers)) {
      this.adapterHost.httpAdapter.setHeader(response, name, value);
    }
    return new StreamableFile(file.content, { type: file.type });
  }
}
