import type { IncomingHttpHeaders } from 'node:http';
import { trimWhiteSpace } from './header-syntax.js';

/** The part of a Node.js request (HTTP/1 or HTTP/2) that the library uses. */
export interface RawRequest {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders?: readonly string[];
  readonly method?: string | undefined;
}

/** The part of a Node.js response (HTTP/1 or HTTP/2) that the library uses. */
export interface RawResponse {
  readonly headersSent: boolean;
  statusCode: number;
  readonly destroyed?: boolean;
  /** True once the response has been sent completely. */
  readonly writableEnded?: boolean;
  /** Only HTTP/2 responses have it. */
  readonly stream?: { readonly destroyed: boolean };
  getHeader(name: string): unknown;
  setHeader(name: string, value: string | string[]): unknown;
  removeHeader(name: string): void;
  getHeaderNames(): string[];
  once(event: 'close', listener: () => void): unknown;
}

/** A request of Express, which is the Node.js request, or of Fastify, which wraps that. */
export type HttpRequest = RawRequest | { readonly raw: RawRequest };

/** A response of Express, which is the Node.js response, or a reply of Fastify, which wraps that. */
export type HttpResponse = RawResponse | FastifyReplyLike;

interface FastifyReplyLike {
  readonly raw: RawResponse;
  header(name: string, value: string | string[]): unknown;
  getHeader(name: string): unknown;
}

/** Returns the Node.js request, which identifies a request no matter what wraps it. */
export function rawRequest(request: HttpRequest): RawRequest {
  return isWrapper(request) ? request.raw : request;
}

/** Returns the Node.js response, which identifies a response no matter what wraps it. */
export function rawResponse(response: HttpResponse): RawResponse {
  return isReply(response) ? response.raw : response;
}

/** Returns true for an object that has headers, or wraps one that has them. */
export function hasHeaders(request: unknown): request is HttpRequest {
  if (typeof request !== 'object' || request === null) return false;
  const raw = rawRequest(request as HttpRequest) as Partial<RawRequest> | null | undefined;
  return typeof raw?.headers === 'object' && raw.headers !== null;
}

/**
 * Returns true for a request of Fastify. Only Node.js requests have `rawHeaders`. Middleware of Express may keep the body of a request in
 * `raw`, and whoever sends the body decides what that looks like.
 */
function isWrapper(request: HttpRequest): request is { readonly raw: RawRequest } {
  return 'raw' in request && !('rawHeaders' in request);
}

/**
 * Returns true for a reply of Fastify. Only Node.js responses have `headersSent`. Applications add `setHeader` and `end` to replies, because
 * Passport needs them.
 */
function isReply(response: HttpResponse): response is FastifyReplyLike {
  return 'raw' in response && !('headersSent' in response);
}

/** Returns true if the client has closed the connection. */
export function isGone(raw: RawResponse): boolean {
  return raw.destroyed === true || raw.stream?.destroyed === true;
}

/** Returns the request that a response answers. */
export function requestOf(response: HttpResponse): HttpRequest | undefined {
  const { request, req } = response as { request?: HttpRequest; req?: HttpRequest };
  return isReply(response) ? request : req;
}

/** Returns the response to a request if the framework provides it, as Express does. */
export function responseTo(request: HttpRequest): HttpResponse | undefined {
  return (request as { res?: HttpResponse }).res;
}

/** Sets a header so that the handlers of the framework see it. Does nothing if the headers have been sent. */
export function setHeader(response: HttpResponse, name: string, value: string): void {
  if (rawResponse(response).headersSent) return;
  if (isReply(response)) response.header(name, value);
  else response.setHeader(name, value);
}

/** Adds a name to the list in a header, unless it is listed already. Keeps the names that the application listed. */
export function appendToList(response: HttpResponse, header: string, name: string): void {
  const listed = ([response.getHeader(header) ?? []].flat() as string[]).join(', ');
  if (listed === '') return setHeader(response, header, name);
  const names = listed.split(',').map((entry) => trimWhiteSpace(entry).toLowerCase());
  if (!names.includes(name.toLowerCase())) setHeader(response, header, `${listed}, ${name}`);
}

/** Adds `Set-Cookie` lines after those of the application, so that the interceptors of the framework see them. */
export function appendCookies(response: HttpResponse, lines: readonly string[]): void {
  const raw = rawResponse(response);
  // A Fastify reply with lines of its own replaces those of the raw response when it is sent. Without any, it returns those as its own.
  const hasOwn = response.getHeader('Set-Cookie') !== raw.getHeader('Set-Cookie');
  if (isReply(response) && hasOwn) response.header('Set-Cookie', [...lines]);
  else raw.setHeader('Set-Cookie', [...setCookies(raw), ...lines]);
}

/** Replaces the `Set-Cookie` lines that were added before. Keeps those of the application. */
export function replaceCookies(raw: RawResponse, before: readonly string[], lines: readonly string[]): void {
  if (before.length === 0 && lines.length === 0) return;
  const others = setCookies(raw).filter((line) => !before.includes(line));
  if (others.length + lines.length > 0) raw.setHeader('Set-Cookie', [...others, ...lines]);
  else raw.removeHeader('Set-Cookie');
}

function setCookies(raw: RawResponse): string[] {
  return [raw.getHeader('Set-Cookie') ?? []].flat() as string[];
}
