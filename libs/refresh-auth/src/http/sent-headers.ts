import { IncomingMessage } from 'node:http';
import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';

/**
 * The headers of the HTTP request as the client sent it. `request.headers` is not reliable, because frameworks and middleware write to it.
 * Mercurius, for example, adds the payload with which a page opens a socket.
 */
export class SentHeaders {
  /** @param lines names and values alternating, as in `rawHeaders` of Node.js */
  constructor(private readonly lines: readonly unknown[]) {}

  /**
   * Returns the different values of a header.
   *
   * @param name in lower case
   */
  all(name: string): string[] {
    const values: string[] = [];
    for (let index = 0; index < this.lines.length; index += 2) {
      if (!isNamed(this.lines[index], name)) continue;
      const value = this.lines[index + 1];
      // Serverless hosts, which build requests from events, may give several values as an array.
      for (const given of (Array.isArray(value) ? value : [value]) as (string | undefined)[]) {
        if (given !== undefined && !values.includes(given)) values.push(given);
      }
    }
    return values;
  }

  /** Returns true if a header other than `Cookie` contains a text. */
  hasBesideCookies(text: string): boolean {
    return this.lines.some(
      (value, index) => index % 2 === 1 && !isNamed(this.lines[index - 1], 'cookie') && String(value).includes(text),
    );
  }

  /** Returns the value of a header; `undefined` if there are several different ones, so that their order never decides. */
  only(name: string): string | undefined {
    const [value, other] = this.all(name);
    return other === undefined ? value : undefined;
  }
}

/**
 * Returns the headers as the client sent them; `undefined` if they cannot be known, because the object is not a Node.js request and has no
 * `rawHeaders` in the format of Node.js.
 */
export function sentHeaders(raw: RawRequest): SentHeaders | undefined {
  const { rawHeaders, headers } = raw;
  if (Array.isArray(rawHeaders) && rawHeaders.length > 0) {
    return rawHeaders.length % 2 === 0 ? new SentHeaders(rawHeaders) : undefined;
  }
  // serverless-http creates a Node.js request, and sets only its `headers`.
  return raw instanceof IncomingMessage ? new SentHeaders(Object.entries(headers).flat()) : undefined;
}

/** Returns a copy of a request with only the headers that can carry a token, as the client sent them. */
export function asSent(request: HttpRequest): RawRequest {
  const raw = rawRequest(request);
  const sent = sentHeaders(raw);
  if (!sent) return raw;
  const [authorization] = sent.all('authorization');
  const cookies = sent.all('cookie');
  const { rawHeaders = [] } = raw;
  return {
    rawHeaders,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
    },
  };
}

function isNamed(candidate: unknown, name: string): boolean {
  return typeof candidate === 'string' && candidate.length === name.length && candidate.toLowerCase() === name;
}

/** Returns true if a value of the header `Upgrade` asks for a WebSocket. */
export function isWebSocket(upgrade: string): boolean {
  return /\bwebsocket\b/i.test(upgrade);
}
