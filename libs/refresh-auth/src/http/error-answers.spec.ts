import { describe, expect, test } from '@jest/globals';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { RefreshAuthError, type RefreshAuthErrorCode } from '../errors/refresh-auth-error.js';
import { ErrorAnswers, HeaderlessError } from './error-answers.js';

function refuse(code: RefreshAuthErrorCode, issuer?: string, exposed?: string) {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  if (exposed !== undefined) response.setHeader('Access-Control-Expose-Headers', exposed);
  const error = new RefreshAuthError(code, 'detail: eyJhbGciOiJIUzI1NiJ9 "quoted"');
  new ErrorAnswers(issuer).addHeaders(error, response);
  return { status: error.getStatus(), body: error.getResponse(), headers: { ...response.getHeaders() } };
}

describe('[D1] a dead token', () => {
  test.each([
    ['token_malformed', 'The token is malformed'],
    ['token_invalid', 'The token is invalid'],
    ['token_expired', 'The token has expired'],
    ['token_superseded', 'The token was superseded: use the latest one'],
    ['token_reused', 'The token was superseded long ago and is no longer accepted'],
    ['session_revoked', 'The session was revoked'],
    ['session_expired', 'The session has expired'],
  ] as const)('%s', (code, message) => {
    expect(refuse(code)).toEqual({
      status: 401,
      body: { statusCode: 401, error: 'Unauthorized', message, code },
      headers: {
        'www-authenticate': `Bearer realm="refresh-auth", error="invalid_token", error_description="${message}"`,
      },
    });
  });

  test('that is missing gets an answer without an error code', () => {
    expect(refuse('token_missing')).toEqual({
      status: 401,
      body: { statusCode: 401, error: 'Unauthorized', message: 'No token was presented', code: 'token_missing' },
      headers: { 'www-authenticate': 'Bearer realm="refresh-auth"' },
    });
  });
});

test('a request from another site', () => {
  expect(refuse('request_cross_site')).toEqual({
    status: 403,
    body: {
      statusCode: 403,
      error: 'Forbidden',
      message: 'The request came from another origin',
      code: 'request_cross_site',
    },
    headers: {},
  });
});

test.each([
  [undefined, 'Retry-After'],
  ['X-Total', 'X-Total, Retry-After'],
  ['retry-after', 'retry-after'],
])('[S1] a store that is down, with exposed headers %j', (exposed, expected) => {
  expect(refuse('store_unavailable', undefined, exposed)).toEqual({
    status: 503,
    body: {
      statusCode: 503,
      error: 'Service Unavailable',
      message: 'The session store is unavailable, try again',
      code: 'store_unavailable',
    },
    headers: { 'retry-after': '1', 'access-control-expose-headers': expected },
  });
});

test('[F39] claims that could not be reloaded', () => {
  expect(refuse('reload_failed')).toEqual({
    status: 503,
    body: {
      statusCode: 503,
      error: 'Service Unavailable',
      message: 'The claims could not be reloaded, try again',
      code: 'reload_failed',
    },
    headers: { 'retry-after': '1', 'access-control-expose-headers': 'Retry-After' },
  });
});

const codes: Record<RefreshAuthErrorCode, true> = {
  token_missing: true,
  token_malformed: true,
  token_invalid: true,
  token_expired: true,
  token_superseded: true,
  token_reused: true,
  session_revoked: true,
  session_expired: true,
  request_cross_site: true,
  store_unavailable: true,
  reload_failed: true,
};

describe.each(Object.keys(codes) as RefreshAuthErrorCode[])('[D2] the message of %s', (code) => {
  const { message } = new RefreshAuthError(code, 'eyJhbGciOiJIUzI1NiJ9');

  test('has only characters that error_description allows', () => {
    expect(message).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  test('is constant and reveals nothing of the detail', () => {
    expect(message).toBe(new RefreshAuthError(code).message);
    expect(JSON.stringify(refuse(code))).not.toMatch(/eyJ|detail|quoted/);
  });
});

describe('[D2] the realm', () => {
  test.each([
    ['https://auth.example', 'https://auth.example'],
    ['a realm, with: everything (else)=/?', 'a realm, with: everything (else)=/?'],
    ['100%', '100%'],
    ['"quoted"', '%22quoted%22'],
    ['back\\slash', 'back%5Cslash'],
    ['", error="x', '%22, error=%22x'],
    ['a\r\nSet-Cookie: x=y', 'a%0D%0ASet-Cookie: x=y'],
    ['\0\t\x7f', '%00%09%7F'],
    ['é', '%C3%A9'],
    ['ключ', '%D0%BA%D0%BB%D1%8E%D1%87'],
    ['🔑', '%F0%9F%94%91'],
    ['half \ud83d pair', 'half %EF%BF%BD pair'],
  ])('of issuer %j', (issuer, realm) => {
    expect(refuse('token_missing', issuer).headers).toEqual({ 'www-authenticate': `Bearer realm="${realm}"` });
  });
});

test.each([undefined, new ServerResponse(new IncomingMessage(new Socket()))])(
  'an error is headerless until its headers are added, to whatever response there is',
  (response) => {
    const error = new RefreshAuthError('token_expired');
    const before = (error as unknown) instanceof HeaderlessError;
    new ErrorAnswers().addHeaders(error, response);

    expect([before, (error as unknown) instanceof HeaderlessError]).toEqual([true, false]);
    expect(new Error('another') instanceof HeaderlessError).toBe(false);
  },
);
