import { describe, expect, it } from '@jest/globals';
import { RefreshAuthOptionsError } from 'nestjs-refresh-auth';
import { asSettingError, readSettings, SettingError } from './settings.js';

/** Settings with a list of choices are always passed on. */
const choices = { revocation: 'pushed', onStoreFailure: 'reject', sessions: 'untracked' } as const;

const secret = 'b3duIHNlY3JldCBvZiB0aGUgc2V0dGluZ3Mgc3BlYw==';

function messageOf(env: Record<string, string>): string {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof SettingError) return error.message;
    throw error;
  }
  throw new Error('these settings were accepted');
}

describe('readSettings', () => {
  it('needs no variable at all, and leaves to the library what has none', () => {
    expect(readSettings({})).toEqual({
      port: 3000,
      host: '127.0.0.1',
      httpAdapter: 'express',
      trustedOrigins: [],
      faults: true,
      grace: true,
      process: { name: '1', of: 1 },
      refreshAuth: { secret: expect.any(String), ...choices, delivery: { cookie: { secure: true } } },
    });
    expect(Object.keys(readSettings({}).refreshAuth).sort()).toEqual(
      ['delivery', ...Object.keys(choices), 'secret'].sort(),
    );
  });

  it('reads every variable', () => {
    const env = {
      NODE_ENV: 'production',
      PORT: '0',
      HOST: '::1',
      DEMO_FAULTS: '1',
      DEMO_PROCESS: '2',
      DEMO_PROCESSES: '4',
      REDIS_URL: 'redis://user:pass@redis.example.com:6380/2',
      JWT_SECRET: secret,
      TOKEN_EXPIRES_IN: '90',
      TOKEN_REFRESH_WINDOW: '10m',
      SESSION_LIFETIME: '1 day',
      STORE_TIMEOUT: '2s',
      REUSE_GRACE: '30',
      REUSE_REVOKE_AFTER: '300',
      ON_REUSE: 'reject',
      REVOCATION: 'every-request',
      ON_STORE_FAILURE: 'tolerate',
      REFRESH_AHEAD: '0.25',
      SESSIONS: 'tracked',
      TRUSTED_ORIGINS: 'https://app.example.com, http://localhost:5173,capacitor://localhost',
      COOKIE_SECURE: 'false',
      HTTP_ADAPTER: 'fastify',
      TOKEN_DELIVERY: 'cookie',
    };
    expect(readSettings(env)).toEqual({
      port: 0,
      host: '::1',
      httpAdapter: 'fastify',
      trustedOrigins: ['https://app.example.com', 'http://localhost:5173', 'capacitor://localhost'],
      faults: true,
      grace: false,
      process: { name: '2', of: 4 },
      refreshAuth: {
        secret,
        redis: 'redis://user:pass@redis.example.com:6380/2',
        expiresIn: 90,
        refreshWindow: '10m',
        sessionLifetime: '1 day',
        storeTimeout: '2s',
        reuseDetection: { grace: 30, revokeAfter: 300, onReuse: 'reject' },
        revocation: 'every-request',
        onStoreFailure: 'tolerate',
        refreshAhead: 0.25,
        sessions: 'tracked',
        delivery: { header: false, cookie: { secure: false } },
        csrf: { trustedOrigins: ['https://app.example.com', 'http://localhost:5173', 'capacitor://localhost'] },
      },
    });
  });

  it('takes an empty variable for an absent one', () => {
    const empty = {
      REDIS_URL: '',
      TOKEN_EXPIRES_IN: '',
      REUSE_GRACE: '',
      REUSE_REVOKE_AFTER: '',
      ON_REUSE: '',
      REVOCATION: '',
      ON_STORE_FAILURE: '',
      REFRESH_AHEAD: '',
      SESSIONS: '',
    };
    const { secret: _, ...refreshAuth } = readSettings(empty).refreshAuth;
    expect(refreshAuth).toEqual({ ...choices, delivery: { cookie: { secure: true } } });
  });

  it('makes a new secret at each start when none is given', () => {
    expect(readSettings({}).refreshAuth).not.toEqual(readSettings({}).refreshAuth);
  });

  it.each([
    ['60', 60],
    ['007', 7],
    ['15m', '15m'],
    ['0.5h', '0.5h'],
    ['7 days', '7 days'],
  ])('reads the duration %s as %p', (written, meant) => {
    const env = { TOKEN_EXPIRES_IN: written, TOKEN_REFRESH_WINDOW: written, SESSION_LIFETIME: written };
    expect(readSettings(env).refreshAuth).toMatchObject({
      expiresIn: meant,
      refreshWindow: meant,
      sessionLifetime: meant,
    });
  });

  it('knows a session without an end', () => {
    expect(readSettings({ SESSION_LIFETIME: 'false' }).refreshAuth).toMatchObject({ sessionLifetime: false });
  });

  it.each([
    ['30', undefined, undefined, { grace: 30, onReuse: 'revoke' }],
    ['1m', '10m', 'revoke', { grace: '1m', revokeAfter: '10m', onReuse: 'revoke' }],
    ['5s', '5', 'reject', { grace: '5s', revokeAfter: 5, onReuse: 'reject' }],
  ])('reads reuse detection from %s, %s, %s', (REUSE_GRACE, REUSE_REVOKE_AFTER, ON_REUSE, reuseDetection) => {
    const env = { REUSE_GRACE, REUSE_REVOKE_AFTER, ON_REUSE };
    expect(readSettings(env).refreshAuth.reuseDetection).toEqual(reuseDetection);
  });

  it.each([
    ['0.2', 0.2],
    ['.5', 0.5],
    ['120', 120],
    ['2m', '2m'],
    ['1.5m', '1.5m'],
  ])('refreshes ahead by %s', (written, meant) => {
    expect(readSettings({ REFRESH_AHEAD: written }).refreshAuth.refreshAhead).toBe(meant);
  });

  it.each(['pushed', 'every-request'])('knows the revocation %s', (revocation) => {
    expect(readSettings({ REVOCATION: revocation }).refreshAuth).toMatchObject({ revocation });
  });

  it('delivers in the header alone when asked to', () => {
    expect(readSettings({ TOKEN_DELIVERY: 'header' }).refreshAuth.delivery).toEqual({ cookie: false });
  });

  it.each([
    ['PORT', 'http', 'is "http": write a number'],
    ['PORT', '65536', 'is "65536": write a number'],
    ['PORT', '-1', 'is "-1": write a number'],
    ['PORT', '30.5', 'is "30.5": write a number'],
    ['HOST', 'http://localhost', 'is "http://localhost": write only an address or a host name'],
    ['HOST', 'localhost:3000', 'is "localhost:3000": write only an address or a host name'],
    ['REDIS_URL', 'localhost:6379', 'is not a Redis URL: write one such as redis://127.0.0.1:6379'],
    ['REDIS_URL', 'http://127.0.0.1:6379', 'is not a Redis URL: write one such as redis://127.0.0.1:6379'],
    ['JWT_SECRET', 'too short', 'is shorter than 32 bytes: write at least 32 random bytes'],
    ['TOKEN_EXPIRES_IN', 'soon', 'is "soon": write a number of seconds such as 900'],
    ['TOKEN_EXPIRES_IN', '0', 'is "0": write a number of seconds such as 900'],
    ['TOKEN_EXPIRES_IN', '1.5', 'is "1.5": write a number of seconds such as 900'],
    ['TOKEN_EXPIRES_IN', '-5', 'is "-5": write a number of seconds such as 900'],
    ['TOKEN_EXPIRES_IN', 'Infinity', 'is "Infinity": write a number of seconds such as 900'],
    ['TOKEN_REFRESH_WINDOW', 'false', 'is "false": write a number of seconds such as 900'],
    ['SESSION_LIFETIME', 'true', 'is "true": write a number of seconds such as 900'],
    ['REUSE_GRACE', 'false', 'is "false": write a number of seconds such as 900'],
    ['REUSE_GRACE', '0', 'is "0": write a number of seconds such as 900'],
    [
      'ON_REUSE',
      'revoke',
      'is set without REUSE_GRACE, and without that reuse is not detected: set REUSE_GRACE too, such as 30s, or leave ON_REUSE out',
    ],
    [
      'REUSE_REVOKE_AFTER',
      '30m',
      'is set without REUSE_GRACE, and without that reuse is not detected: set REUSE_GRACE too, such as 30s, or leave REUSE_REVOKE_AFTER out',
    ],
    ['REUSE_REVOKE_AFTER', 'never', 'is "never": write a number of seconds such as 900'],
    ['ON_REUSE', 'ignore', 'is "ignore": write revoke or reject'],
    ['REVOCATION', 'never', 'is "never": write pushed or every-request'],
    ['ON_STORE_FAILURE', 'ignore', 'is "ignore": write reject or tolerate'],
    [
      'REFRESH_AHEAD',
      'false',
      'is "false": write a number of seconds such as 900, or a number with a unit such as 15m, or a fraction',
    ],
    ['REFRESH_AHEAD', '0', 'is "0": write a number of seconds such as 900'],
    ['REFRESH_AHEAD', '1.0', 'is "1.0": write a number of seconds such as 900'],
    ['SESSIONS', 'yes', 'is "yes": write untracked or tracked'],
    ['TRUSTED_ORIGINS', 'app.example.com', 'contains "app.example.com": write comma-separated origins'],
    [
      'TRUSTED_ORIGINS',
      'https://app.example.com/',
      'contains "https://app.example.com/": write comma-separated origins',
    ],
    ['TRUSTED_ORIGINS', 'https://App.example.com', 'contains "https://App.example.com": write comma-separated origins'],
    ['TRUSTED_ORIGINS', 'https://a.example.com,', 'contains "": write comma-separated origins'],
    ['TRUSTED_ORIGINS', 'null', 'contains "null": write comma-separated origins'],
    ['TRUSTED_ORIGINS', '*', 'contains "*": write comma-separated origins'],
    ['COOKIE_SECURE', 'no', 'is "no": write true or false'],
    ['HTTP_ADAPTER', 'koa', 'is "koa": write express or fastify'],
    ['DEMO_FAULTS', 'yes', 'is "yes": write 1 or 0'],
    ['DEMO_PROCESSES', '0', 'is "0": write a number from 1 to 99'],
    ['TOKEN_DELIVERY', 'body', 'is "body": write both or header or cookie'],
  ])('refuses %s=%s and says what to write', (variable, value, message) => {
    expect(messageOf({ [variable]: value })).toContain(`${variable} ${message}`);
  });

  it.each([
    ['HOST', '0.0.0.0', 'works only on this machine'],
    ['REDIS_URL', 'rediss://redis.example.com', 'needs a REDIS_URL without TLS'],
  ])('lets nobody stop the store with %s=%s', (variable, value, message) => {
    expect(messageOf({ DEMO_FAULTS: '1', [variable]: value })).toContain(`DEMO_FAULTS ${message}`);
    expect(readSettings({ [variable]: value }).faults).toBe(false);
  });

  it.each([
    [{}, true],
    [{ HOST: 'localhost' }, true],
    [{ HOST: '::1' }, true],
    [{ DEMO_FAULTS: '0' }, false],
    [{ HOST: '0.0.0.0' }, false],
    [{ NODE_ENV: 'production', JWT_SECRET: secret }, false],
    [{ REDIS_URL: 'redis://127.0.0.1:6379' }, false],
    [{ REDIS_URL: 'redis://127.0.0.1:6379', DEMO_FAULTS: '1' }, true],
  ])('with %j, the page can stop the store: %s', (env, expected) => {
    expect(readSettings(env).faults).toBe(expected);
  });

  it('refuses to start without a secret in production', () => {
    expect(messageOf({ NODE_ENV: 'production' })).toContain('JWT_SECRET is not set');
  });

  it('repeats neither a secret nor the password of a Redis URL', () => {
    expect(messageOf({ JWT_SECRET: 'hunter2' })).not.toContain('hunter2');
    expect(messageOf({ REDIS_URL: 'redis//:hunter2@localhost' })).not.toContain('hunter2');
  });
});

describe('asSettingError', () => {
  it.each([
    ['refreshWindow', 'TOKEN_REFRESH_WINDOW'],
    ['storeTimeout', 'STORE_TIMEOUT'],
    ['reuseDetection.grace', 'REUSE_GRACE'],
    ['reuseDetection.revokeAfter', 'REUSE_REVOKE_AFTER'],
    ['refreshAhead', 'REFRESH_AHEAD'],
  ])('names the variable behind the option %s that the library refused', (option, variable) => {
    const { message } = asSettingError(new RefreshAuthOptionsError(option, 'is too short', 'Write more.'));
    expect(message).toMatch(new RegExp(`^${variable} was refused: .*Write more\\.$`));
  });

  it('names it for one of several values too', () => {
    const { message } = asSettingError(new RefreshAuthOptionsError('csrf.trustedOrigins[1]', 'is wrong', 'Write it.'));
    expect(message).toMatch(/^TRUSTED_ORIGINS was refused: /);
  });
});
