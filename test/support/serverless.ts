import { configure } from '@codegenie/serverless-express';
import type { INestApplication } from '@nestjs/common';
import type { RequestListener } from 'node:http';
import serverlessHttp from 'serverless-http';
import type { HttpAnswer } from './http.js';
import { inspectOutput } from './leak-watch.js';

/** The packages by which applications run as functions: each makes a request and a response of its own, without a socket. */
export const serverlessHosts = ['serverless-http', '@codegenie/serverless-express'] as const;

export type ServerlessHost = (typeof serverlessHosts)[number];

export interface ServerlessRequest {
  method?: string;
  path: string;
  /** Several values of one header are joined by commas, as API Gateway does it. */
  headers?: Record<string, string>;
  body?: string;
}

/** The result of a function for API Gateway (payload format 2.0). */
interface FunctionResult {
  statusCode: number;
  headers: Record<string, string>;
  cookies?: string[];
  body: string;
}

type Handler = (event: object, context: object) => Promise<FunctionResult>;

/** Sends one request to an application, which need not listen, as a function of AWS behind API Gateway does. */
export async function invoke(
  host: ServerlessHost,
  app: INestApplication,
  { method = 'GET', path, headers = {}, body }: ServerlessRequest,
): Promise<HttpAnswer> {
  const handle = await listenerOf(app);
  const handler =
    host === 'serverless-http'
      ? (serverlessHttp(handle) as unknown as Handler)
      : (configure({ app: handle }) as unknown as Handler);
  const result = await handler(
    {
      version: '2.0',
      rawPath: path,
      rawQueryString: '',
      headers,
      requestContext: { http: { method, path, sourceIp: '127.0.0.1' } },
      isBase64Encoded: false,
      ...(body !== undefined && { body }),
    },
    {},
  );
  if (result.statusCode >= 400) inspectOutput(`answer ${result.statusCode}`, result.body);
  return {
    status: result.statusCode,
    headers: result.headers,
    rawHeaders: Object.entries(result.headers).flat(),
    setCookies: result.cookies ?? [],
    body: result.body,
    json: () => JSON.parse(result.body) as unknown,
  };
}

/** The handler of an application's requests: a function on Express, a property of that name on Fastify. */
async function listenerOf(app: INestApplication): Promise<RequestListener> {
  await app.init();
  const instance: unknown = app.getHttpAdapter().getInstance();
  if (typeof instance === 'function') return instance as RequestListener;
  const fastify = instance as { ready(): Promise<unknown>; routing: RequestListener };
  await fastify.ready();
  return fastify.routing;
}
