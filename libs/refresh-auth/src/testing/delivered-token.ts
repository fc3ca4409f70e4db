import { AssertionError } from 'node:assert';
import { parseSetCookie } from 'cookie';
import type { DeliverySettings } from '../http/delivery-settings.js';
import { type DeliveryOptions, readDelivery } from '../options/delivery-options.js';
import { OptionReader } from '../options/option-reader.js';

/** A response of `fetch`, supertest, light-my-request (Fastify's `inject`), axios or `node:http`, or any other object with headers. */
export interface ResponseWithHeaders {
  readonly headers: object;
}

/**
 * Returns the new token that a response carries in the header or the cookie; `undefined` if it carries none.
 *
 * @param delivery the option `delivery` of the module. Defaults to its default
 * @throws AssertionError if header and cookie carry different tokens
 */
export function deliveredToken(response: ResponseWithHeaders, delivery?: DeliveryOptions): string | undefined {
  const settings = readDelivery(new OptionReader(delivery, 'delivery', 'deliveredToken'));
  const header = tokenOfHeader(response, settings);
  const cookie = tokenOfCookie(response, settings);
  if (header !== undefined && cookie !== undefined && header !== cookie) {
    throw new AssertionError({ message: 'The response carries different tokens in header and cookie' });
  }
  return header ?? cookie;
}

/**
 * Returns the new token of a response that must carry one.
 *
 * @param delivery the option `delivery` of the module. Defaults to its default
 * @throws AssertionError if it carries none, or different tokens in header and cookie
 */
export function assertTokenDelivered(response: ResponseWithHeaders, delivery?: DeliveryOptions): string {
  const token = deliveredToken(response, delivery);
  if (token !== undefined) return token;
  const { header, cookie } = readDelivery(new OptionReader(delivery, 'delivery', 'assertTokenDelivered'));
  const places = [header && `header ${header.name}`, cookie && `cookie ${cookie.name}`].filter(Boolean);
  throw new AssertionError({ message: `The response carries no new token: looked for ${places.join(' and ')}` });
}

function tokenOfHeader(response: ResponseWithHeaders, { header }: DeliverySettings): string | undefined {
  if (!header) return undefined;
  const [value] = headerLines(response, header.name);
  const scheme = header.scheme === '' ? '' : `${header.scheme} `;
  return value?.startsWith(scheme) ? value.slice(scheme.length) : undefined;
}

function tokenOfCookie(response: ResponseWithHeaders, { cookie }: DeliverySettings): string | undefined {
  if (!cookie) return undefined;
  const values = headerLines(response, 'set-cookie')
    .map((line) => parseSetCookie(line))
    .filter(({ name }) => name === cookie.name)
    .map(({ value }) => value);
  // An empty value removes a cookie: at a sign-out, or that of an earlier deployment, which may have had the same name.
  return values.find((value) => value !== '');
}

/** The `headers` of the various clients, which have either methods or properties. */
interface KnownHeaders {
  get?(name: string): unknown;
  getSetCookie?(): string[];
  readonly [name: string]: unknown;
}

function headerLines({ headers }: ResponseWithHeaders, name: string): string[] {
  const known = headers as KnownHeaders;
  if (name === 'set-cookie' && typeof known.getSetCookie === 'function') return known.getSetCookie();
  const value = typeof known.get === 'function' ? known.get(name) : known[name.toLowerCase()];
  return [value ?? []].flat().map(String);
}
