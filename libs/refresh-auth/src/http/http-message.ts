import type { IncomingHttpHeaders } from 'node:http';
import { trimWhiteSpace } from './header-syntax.js';

/** What the library uses of Node's request (HTTP/1 or HTTP/2). */
export interface RawRequest {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders?: readonly string[];
  readonly method?: string | undefined;
}

/** What the library uses of Node's response (HTTP/1 or HTTP/2). */
export interface RawResponse {
  readonly headersSent: boolean;
  statusCode: number;
  readonly destroyed?: boolean;
  /** Of HTTP/2. */
  readonly stream?: { readonly destroyed: boolean };
  getHeader(name: string): unknown;
  setHeader(name: string, value: string | string[]): unknown;
  removeHeader(name: string): void;
  getHeaderNames(): string[];
  once(event: 'close', listener: () => void): unknown;
}

/** A request of Express, which is Node's own, or one of Fastify, which wraps it. */
export type HttpRequest = RawRequest | { readonly raw: RawRequest };

/** A response of Express, which is Node's own, or a reply of Fastify, which wraps it. */
export type HttpResponse = RawResponse | FastifyReplyLike;

interface FastifyReplyLike {
  readonly raw: RawResponse;
  header(name: string, value: string | string[]): unknown;
  getHeader(name: string): unknown;
}

/** Node's own request: the identity of a request, however it is wrapped. */
export function rawRequest(request: HttpRequest): RawRequest {
  return 'raw' in request ? request.raw : request;
}

/** Node's own response: the identity of a response, however it is wrapped. */
export function rawResponse(response: HttpResponse): RawResponse {
  return 'raw' in response ? response.raw : response;
}

/** Whether the client has hung up. */
export function isGone(raw: RawResponse): boolean {
  return raw.destroyed === true || raw.stream?.destroyed === true;
}

/** The request that a response answers. */
export function requestOf(response: HttpResponse): HttpRequest | undefined {
  const { request, req } = response as { request?: HttpRequest; req?: HttpRequest };
  return request ?? req;
}

/** The response to a request, where the framework says so: Express does. */
export function responseTo(request: HttpRequest): HttpResponse | undefined {
  return (request as { res?: HttpResponse }).res;
}

/** Sets a header where the handlers of the framework see it; what comes too late is left out. */
export function setHeader(response: HttpResponse, name: string, value: string): void {
  if (rawResponse(response).headersSent) return;
  if ('raw' in response) response.header(name, value);
  else response.setHeader(name, value);
}

/** Adds a name to the list in a header, unless it is there: what the application lists stays. */
export function appendToList(response: HttpResponse, header: string, name: string): void {
  const listed = ([response.getHeader(header) ?? []].flat() as string[]).join(', ');
  const names = listed.split(',').map((entry) => trimWhiteSpace(entry).toLowerCase());
  if (names.includes(name.toLowerCase())) return;
  setHeader(response, header, listed === '' ? name : `${listed}, ${name}`);
}

/** Adds `Set-Cookie` lines where the interceptors of the framework see them, behind those of the application. */
export function appendCookies(response: HttpResponse, lines: readonly string[]): void {
  const raw = rawResponse(response);
  // A reply of Fastify shows the lines of the raw response, and replaces them when it is sent, only if it has lines of its own.
  const hasOwn = response.getHeader('Set-Cookie') !== raw.getHeader('Set-Cookie');
  if ('raw' in response && hasOwn) response.header('Set-Cookie', [...lines]);
  else raw.setHeader('Set-Cookie', [...setCookies(raw), ...lines]);
}

/** Puts `Set-Cookie` lines in the place of those that were added before; the application's stay. */
export function replaceCookies(raw: RawResponse, before: readonly string[], lines: readonly string[]): void {
  if (before.length === 0 && lines.length === 0) return;
  const others = setCookies(raw).filter((line) => !before.includes(line));
  if (others.length + lines.length > 0) raw.setHeader('Set-Cookie', [...others, ...lines]);
  else raw.removeHeader('Set-Cookie');
}

function setCookies(raw: RawResponse): string[] {
  return [raw.getHeader('Set-Cookie') ?? []].flat() as string[];
}
