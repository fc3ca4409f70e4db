import { expect, test } from '@jest/globals';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { forbidCaching } from './caching.js';

function headersAfter(headers: Record<string, string | string[]>): object {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  forbidCaching(response);
  return { ...response.getHeaders() };
}

test.each([
  [undefined, 'private, no-store'],
  ['public, max-age=600, s-maxage=600, immutable', 'private, no-store'],
  ['private="X-A", stale-while-revalidate=60', 'private, no-store'],
  ['public, no-transform', 'private, no-store, no-transform'],
  ['No-Transform', 'private, no-store, no-transform'],
  [['public', 'no-transform'], 'private, no-store, no-transform'],
  ['no-transformer', 'private, no-store'],
])('[D3] Cache-Control: %j becomes %s', (before, after) => {
  expect(headersAfter(before === undefined ? {} : { 'Cache-Control': before })).toEqual({ 'cache-control': after });
});

test.each([
  'CDN-Cache-Control',
  'cdn-cache-control',
  'Cloudflare-CDN-Cache-Control',
  'Vercel-CDN-Cache-Control',
  'Netlify-CDN-Cache-Control',
  'X-LiteSpeed-Cache-Control',
  'Surrogate-Control',
  'Edge-Control',
  'X-Accel-Expires',
])('[D3] %s, which some caches obey instead, is taken away', (name) => {
  expect(headersAfter({ [name]: 'max-age=600' })).toEqual({ 'cache-control': 'private, no-store' });
});

test('[D5] nothing else is touched', () => {
  const others = {
    vary: 'Accept',
    etag: '"1"',
    expires: '0',
    'surrogate-key': 'a',
    'x-cache-control-hint': 'b',
    'x-surrogate-control': 'c',
    'surrogate-control-hint': 'd',
    age: '3',
  };

  expect(headersAfter(others)).toEqual({ ...others, 'cache-control': 'private, no-store' });
});
