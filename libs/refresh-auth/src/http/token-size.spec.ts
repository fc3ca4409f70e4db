import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { WatchedLogger } from '../../../../test/support/watched-logger.js';
import { CookieLines } from './cookie-lines.js';
import type { DeliverySettings } from './delivery-settings.js';
import { readDelivery } from '../options/delivery-options.js';
import { OptionReader } from '../options/option-reader.js';
import { cookieBytes, headerBytes, HeaderSizeWarning, longestDeliverable } from './token-size.js';

function resolveDelivery(options?: unknown): DeliverySettings {
  return readDelivery(new OptionReader(options));
}

test('a cookie has the bytes of its name and its value', () => {
  expect(cookieBytes('name', 'a.b.c')).toBe(9);
});

test.each([
  [8192, 'header and cookie', {}],
  [8192, 'the header alone', { cookie: false }],
  [4096 - '__Host-authorization'.length, 'the cookie alone', { header: false }],
  [4096 - 't'.length, 'a cookie with a short name', { header: false, cookie: { name: 't' } }],
])('at most %i bytes of a token are sent in %s', (bytes, _, options) => {
  expect(longestDeliverable(resolveDelivery(options))).toBe(bytes);
});

describe('[F33] the headers of a response', () => {
  const line = (text: string): number => `${text}\r\n`.length;
  const always = line('Cache-Control: private, no-store');
  const attributes = '; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax';

  test.each([
    [{ cookie: false }, line('Authorization: Bearer xyz') + line('Access-Control-Expose-Headers: Authorization')],
    [
      { cookie: false, header: { name: 'X-Token', scheme: '' } },
      line('X-Token: xyz') + line('Access-Control-Expose-Headers: X-Token'),
    ],
    [{ header: false }, line(`Set-Cookie: __Host-authorization=xyz${attributes}`)],
    [
      { cookie: { name: 't' } },
      line('Authorization: Bearer xyz') +
        line('Access-Control-Expose-Headers: Authorization') +
        line(`Set-Cookie: t=xyz${attributes}`),
    ],
  ])('are counted to the byte, with %j', (options, bytes) => {
    const delivery = resolveDelivery(options);
    const cookies = delivery.cookie ? new CookieLines(delivery.cookie).carrying('xyz', 604_800) : [];

    expect(headerBytes(delivery, 'xyz', cookies)).toBe(always + bytes);
  });
});

describe('[F33] the warning', () => {
  let logger: WatchedLogger;
  beforeEach(() => {
    logger = new WatchedLogger();
    Logger.overrideLogger(logger);
  });
  afterEach(() => Logger.overrideLogger(new ConsoleLogger()));

  test('leaves exactly one of nginx’s four kilobytes to all other headers', () => {
    const delivery = resolveDelivery({ cookie: false });
    const others = headerBytes(delivery, '', []);
    const warning = new HeaderSizeWarning(delivery);

    warning.check('x'.repeat(3072 - others), []);
    expect(logger.lines).toEqual([]);
    warning.check('x'.repeat(3073 - others), []);
    expect(logger.lines).toEqual([
      expect.stringContaining(`${3073 - others} bytes adds 3073 bytes of response headers`),
    ]);
    warning.check('x'.repeat(3073 - others), []);
    expect(logger.lines).toHaveLength(1);
  });
});
