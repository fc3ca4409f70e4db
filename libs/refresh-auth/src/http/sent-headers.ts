import { IncomingMessage } from 'node:http';
import type { RawRequest } from './http-message.js';

/**
 * The headers that the client's own HTTP request carried. They are not `request.headers`: frameworks and middleware write to that object.
 * Mercurius, for one, adds the payload with which a page has opened a socket.
 */
export class SentHeaders {
  /** @param lines names and values in turn, as in `rawHeaders` of Node.js */
  constructor(private readonly lines: readonly unknown[]) {}

  /**
   * Every different value of a header.
   *
   * @param name in lower case
   */
  all(name: string): string[] {
    const values: string[] = [];
    for (let index = 0; index < this.lines.length; index += 2) {
      if (!isNamed(this.lines[index], name)) continue;
      const value = this.lines[index + 1];
      // A host that makes requests of events may give several values as an array.
      for (const given of (Array.isArray(value) ? value : [value]) as (string | undefined)[]) {
        if (given !== undefined && !values.includes(given)) values.push(given);
      }
    }
    return values;
  }

  /** The value of a header; `undefined` if there are several different ones, so that their order never decides. */
  only(name: string): string | undefined {
    const [value, other] = this.all(name);
    return other === undefined ? value : undefined;
  }
}

/**
 * Finds the headers as the client sent them.
 *
 * @returns `undefined` if they cannot be known: the object is no request of Node.js, nor of a host that fills in `rawHeaders` as Node.js does
 */
export function sentHeaders(raw: RawRequest): SentHeaders | undefined {
  const { rawHeaders, headers } = raw;
  if (Array.isArray(rawHeaders) && rawHeaders.length > 0) {
    return rawHeaders.length % 2 === 0 ? new SentHeaders(rawHeaders) : undefined;
  }
  // serverless-http makes a request of Node.js, and sets its `headers` alone.
  return raw instanceof IncomingMessage ? new SentHeaders(Object.entries(headers).flat()) : undefined;
}

function isNamed(candidate: unknown, name: string): boolean {
  return typeof candidate === 'string' && candidate.length === name.length && candidate.toLowerCase() === name;
}

/** True if a value of the header `Upgrade` asks for a WebSocket. */
export function isWebSocket(upgrade: string): boolean {
  return /\bwebsocket\b/i.test(upgrade);
}
