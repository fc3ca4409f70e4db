import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Settings } from './settings.js';

export function createHttpAdapter(name: Settings['httpAdapter']): ExpressAdapter | FastifyAdapter {
  return name === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
}

/**
 * Makes both adapters accept the same bodies. Fastify rejects an empty body of type JSON, which some clients send with `POST /auth/logout`.
 * Express rejects a body that is neither an object nor an array.
 */
export function acceptEveryJsonBody(app: INestApplication): void {
  const adapter: unknown = app.getHttpAdapter();
  if (adapter instanceof FastifyAdapter) {
    const parse = adapter.getInstance().getDefaultJsonParser('remove', 'remove');
    adapter.useBodyParser('application/json', false, {}, (request, body, done) => {
      if (body.length === 0) {
        done(null, undefined);
      } else {
        void parse(request, body.toString(), done);
      }
    });
  } else if (adapter instanceof ExpressAdapter) {
    adapter.useBodyParser('json', false, { strict: false });
  }
}
