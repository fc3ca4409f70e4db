import type { IncomingMessage, ServerResponse } from 'node:http';

/** The response that a handler gets from Express or from Fastify. */
export type AnyRequest = IncomingMessage | { raw: IncomingMessage };
export type AnyResponse = ServerResponse | FastifyReplyLike;

interface FastifyReplyLike {
  raw: ServerResponse;
  hijack(): void;
  header(name: string, value: string | string[]): unknown;
  getHeader(name: string): unknown;
}

/** Returns Node's own response, to answer without the framework's knowledge. */
export function takeOver(response: AnyResponse): ServerResponse {
  if (!('raw' in response)) return response;
  response.hijack();
  return response.raw;
}
