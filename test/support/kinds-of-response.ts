import {
  All,
  type ArgumentsHost,
  Catch,
  type CanActivate,
  ConflictException,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  ImATeapotException,
  Injectable,
  type MessageEvent,
  Param,
  ParseIntPipe,
  Redirect,
  Req,
  Res,
  Sse,
  StreamableFile,
  UseFilters,
} from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { from, type Observable } from 'rxjs';
import type { RequestOptions } from './http.js';
import { type AnyResponse, takeOver } from './raw-response.js';

/** The common part of the responses of Express and the replies of Fastify. */
interface Reply {
  status(code: number): Reply;
  header(name: string, value: string): Reply;
  send(body?: unknown): unknown;
}

@Catch(ConflictException)
class OwnFilter implements ExceptionFilter {
  catch(_: ConflictException, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Reply>().status(409).send({ filtered: true });
  }
}

/** Every kind of response that a handler can give; what comes after the last colon is how it comes about. */
@Controller('kinds')
export class KindsController {
  @Get('json')
  json(): object {
    return { body: true };
  }

  @All('any-method')
  anyMethod(): object {
    return {};
  }

  @Get('text')
  text(): string {
    return 'body';
  }

  @Get('own-headers')
  @Header('Cache-Control', 'public, max-age=600, s-maxage=600')
  @Header('Surrogate-Control', 'max-age=600')
  ownHeaders(): object {
    return {};
  }

  @Get('http-exception')
  httpException(): never {
    throw new ImATeapotException();
  }

  @Get('error')
  error(): never {
    throw new TypeError('of the handler');
  }

  @Get('filter')
  @UseFilters(OwnFilter)
  filter(): never {
    throw new ConflictException();
  }

  @Get('pipe/:id')
  pipe(@Param('id', ParseIntPipe) id: number): object {
    return { id };
  }

  @Get('refused')
  refused(): object {
    return {};
  }

  @Get('no-content')
  @HttpCode(204)
  noContent(): void {}

  @Get('redirect')
  @Redirect('/elsewhere', 302)
  redirect(): void {}

  @Get('not-modified')
  notModified(
    @Req() request: { headers: IncomingMessage['headers'] },
    @Res({ passthrough: true }) reply: Reply,
  ): object {
    reply.header('ETag', '"1"');
    if (request.headers['if-none-match'] === '"1"') reply.status(304);
    return {};
  }

  @Get('res')
  res(@Res() reply: Reply): void {
    reply.status(203).send({ body: true });
  }

  @Get('passthrough')
  passthrough(@Res({ passthrough: true }) reply: Reply): object {
    reply.header('X-Own', '1').status(203);
    return {};
  }

  @Get('write-latest')
  writeHead(@Res() response: AnyResponse): void {
    takeOver(response)
      .writeHead(203, { 'Cache-Control': 'public', 'Netlify-CDN-Cache-Control': 'public, max-age=600' })
      .end('raw');
  }

  @Get('flush-headers')
  flushHeaders(@Res() response: AnyResponse): void {
    const raw = takeOver(response);
    raw.flushHeaders();
    raw.end('raw');
  }

  @Get('file')
  file(): StreamableFile {
    return new StreamableFile(Buffer.from('a file'), { type: 'text/plain' });
  }

  @Get('stream')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from(['a ', 'stream']));
  }

  @Sse('sse')
  sse(): Observable<MessageEvent> {
    return from([{ data: 'one' }, { data: 'two' }]);
  }
}

/** A guard of the application that runs after the library's. */
@Injectable()
export class LaterGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return !context.switchToHttp().getRequest<{ url: string }>().url.endsWith('/refused');
  }
}

/** A kind of response, as a client sees it. */
export interface Kind {
  path: string;
  status: number;
  request?: RequestOptions;
}

export const kinds: [name: string, kind: Kind][] = [
  ['JSON', { path: 'json', status: 200 }],
  ['text', { path: 'text', status: 200 }],
  ['JSON with headers for caches of its own', { path: 'own-headers', status: 200 }],
  ['HEAD', { path: 'json', status: 200, request: { method: 'HEAD' } }],
  ['an HttpException', { path: 'http-exception', status: 418 }],
  ['an error', { path: 'error', status: 500 }],
  ['an exception filter', { path: 'filter', status: 409 }],
  ['a refusal of a pipe', { path: 'pipe/no-number', status: 400 }],
  ['a refusal of a later guard', { path: 'refused', status: 403 }],
  ['204', { path: 'no-content', status: 204 }],
  ['a redirect', { path: 'redirect', status: 302 }],
  ['304 to a conditional GET', { path: 'not-modified', status: 304, request: { headers: { 'if-none-match': '"1"' } } }],
  ['@Res()', { path: 'res', status: 203 }],
  ['@Res() with passthrough', { path: 'passthrough', status: 203 }],
  ['writeHead() with headers', { path: 'write-latest', status: 203 }],
  ['flushHeaders() before the body', { path: 'flush-headers', status: 200 }],
  ['StreamableFile of a buffer', { path: 'file', status: 200 }],
  ['StreamableFile of a stream', { path: 'stream', status: 200 }],
  ['server-sent events', { path: 'sse', status: 200 }],
];
