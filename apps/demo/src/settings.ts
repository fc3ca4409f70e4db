import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { RefreshAuthOptions, RefreshAuthOptionsError } from 'nestjs-refresh-auth';

export interface Settings {
  port: number;
  host: string;
  httpAdapter: 'express' | 'fastify';
  trustedOrigins: string[];
  /** True if the page can stop the store. Only on this machine. */
  faults: boolean;
  /** True if a second module shows the other policy for superseded tokens. Never in production. */
  grace: boolean;
  /** The number of this process, and how many processes share its port. Set by `npm run demo:cluster`. */
  process: { name: string; of: number };
  /** The options of the library. Those without a variable are left out, so that the library's defaults apply. */
  refreshAuth: RefreshAuthOptions & { secret: string };
}

type Environment = Readonly<Record<string, string | undefined>>;

export class SettingError extends Error {
  constructor(variable: string, whatIsWrong: string, whatToWrite: string) {
    super(`${variable} ${whatIsWrong}: ${whatToWrite}`);
  }
}

export function readSettings(env: Environment): Settings {
  const redis = readRedisUrl(env);
  const expiresIn = readDuration(env, 'TOKEN_EXPIRES_IN');
  const refreshWindow = readDuration(env, 'TOKEN_REFRESH_WINDOW');
  const sessionLifetime = readSessionLifetime(env);
  const reuseDetection = readReuseDetection(env);
  const refreshAhead = readRefreshAhead(env);
  // The library checks it: it needs a unit.
  const storeTimeout = read(env, 'STORE_TIMEOUT');
  const trustedOrigins = readTrustedOrigins(env);
  const host = readHost(env);
  return {
    port: readPort(env),
    host,
    httpAdapter: readChoice(env, 'HTTP_ADAPTER', ['express', 'fastify']),
    trustedOrigins,
    faults: readFaults(env, host, redis),
    grace: env['NODE_ENV'] !== 'production',
    process: readProcess(env),
    refreshAuth: {
      secret: readSecret(env),
      ...(redis !== undefined && { redis }),
      ...(expiresIn !== undefined && { expiresIn }),
      ...(refreshWindow !== undefined && { refreshWindow }),
      ...(sessionLifetime !== undefined && { sessionLifetime }),
      ...(storeTimeout !== undefined && { storeTimeout }),
      ...(reuseDetection !== undefined && { reuseDetection }),
      ...(refreshAhead !== undefined && { refreshAhead }),
      revocation: readChoice(env, 'REVOCATION', ['pushed', 'every-request']),
      onStoreFailure: readChoice(env, 'ON_STORE_FAILURE', ['reject', 'tolerate']),
      sessions: readChoice(env, 'SESSIONS', ['untracked', 'tracked']),
      delivery: readDelivery(env),
      ...(trustedOrigins.length > 0 && { csrf: { trustedOrigins } }),
    },
  };
}

const variablesByOption: Partial<Record<string, string>> = {
  secret: 'JWT_SECRET',
  redis: 'REDIS_URL',
  expiresIn: 'TOKEN_EXPIRES_IN',
  refreshWindow: 'TOKEN_REFRESH_WINDOW',
  sessionLifetime: 'SESSION_LIFETIME',
  storeTimeout: 'STORE_TIMEOUT',
  'reuseDetection.grace': 'REUSE_GRACE',
  'reuseDetection.revokeAfter': 'REUSE_REVOKE_AFTER',
  refreshAhead: 'REFRESH_AHEAD',
  'csrf.trustedOrigins': 'TRUSTED_ORIGINS',
};

/** Turns an error about an option into one about its variable, which is what the operator of the demo has set. */
export function asSettingError(error: RefreshAuthOptionsError): SettingError {
  const [option = ''] = error.option.split('[');
  return new SettingError(variablesByOption[option] ?? error.option, 'was refused', error.message);
}

/** Reads a variable. An empty one counts as absent: `REDIS_URL= npm start` switches the setting off. */
function read(env: Environment, variable: string): string | undefined {
  return env[variable] || undefined;
}

function readPort(env: Environment): number {
  const value = read(env, 'PORT') ?? '3000';
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) {
    throw new SettingError('PORT', `is ${JSON.stringify(value)}`, 'write a number from 0 (any free port) to 65535');
  }
  return Number(value);
}

function readHost(env: Environment): string {
  const value = read(env, 'HOST') ?? '127.0.0.1';
  if (isIP(value) === 0 && !/^[a-z0-9.-]+$/i.test(value)) {
    throw new SettingError(
      'HOST',
      `is ${JSON.stringify(value)}`,
      'write only an address or a host name, such as 0.0.0.0',
    );
  }
  return value;
}

function readSecret(env: Environment): string {
  const value = read(env, 'JWT_SECRET');
  const whatToWrite = 'write at least 32 random bytes, such as the output of `openssl rand -base64 48`';
  if (value === undefined) {
    if (env['NODE_ENV'] === 'production') {
      throw new SettingError('JWT_SECRET', 'is not set, but production needs it', whatToWrite);
    }
    return randomBytes(48).toString('base64');
  }
  if (Buffer.byteLength(value) < 32) {
    throw new SettingError('JWT_SECRET', 'is shorter than 32 bytes', whatToWrite);
  }
  return value;
}

// The error does not repeat the value, which may contain a password.
function readRedisUrl(env: Environment): string | undefined {
  const value = read(env, 'REDIS_URL');
  if (value !== undefined && !(URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol))) {
    throw new SettingError('REDIS_URL', 'is not a Redis URL', 'write one such as redis://127.0.0.1:6379');
  }
  return value;
}

// The library checks the units, and that the lifetimes fit together.
function readDuration(env: Environment, variable: string, otherwise = ''): number | string | undefined {
  const value = read(env, variable);
  if (value !== undefined && !/^(?=.*[1-9])\d+((\.\d+)? ?[a-z]+)?$/i.test(value)) {
    const whatToWrite = `write a number of seconds such as 900, or a number with a unit such as 15m${otherwise}`;
    throw new SettingError(variable, `is ${JSON.stringify(value)}`, whatToWrite);
  }
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : value;
}

function readSessionLifetime(env: Environment): number | string | false | undefined {
  return read(env, 'SESSION_LIFETIME') === 'false'
    ? false
    : readDuration(env, 'SESSION_LIFETIME', ', or false for no end');
}

function readReuseDetection(env: Environment): RefreshAuthOptions['reuseDetection'] {
  const grace = readDuration(env, 'REUSE_GRACE');
  const revokeAfter = readDuration(env, 'REUSE_REVOKE_AFTER');
  const onReuse = readChoice(env, 'ON_REUSE', ['revoke', 'reject']);
  if (grace !== undefined) return { grace, ...(revokeAfter !== undefined && { revokeAfter }), onReuse };
  const lonely = ['REUSE_REVOKE_AFTER', 'ON_REUSE'].find((variable) => read(env, variable) !== undefined);
  if (lonely === undefined) return undefined;
  throw new SettingError(
    lonely,
    'is set without REUSE_GRACE, and without that reuse is not detected',
    `set REUSE_GRACE too, such as 30s, or leave ${lonely} out`,
  );
}

function readRefreshAhead(env: Environment): RefreshAuthOptions['refreshAhead'] {
  const value = read(env, 'REFRESH_AHEAD');
  return value !== undefined && /^0?\.\d+$/.test(value)
    ? Number(value)
    : readDuration(env, 'REFRESH_AHEAD', ', or a fraction of the lifetime such as 0.2');
}

function readTrustedOrigins(env: Environment): string[] {
  const origins = read(env, 'TRUSTED_ORIGINS')?.split(',') ?? [];
  return origins.map((entry) => {
    const origin = entry.trim();
    if (!URL.canParse(origin) || serializeOrigin(new URL(origin)) !== origin) {
      const whatToWrite =
        'write comma-separated origins, scheme://host[:port] and nothing more, such as https://app.example.com';
      throw new SettingError('TRUSTED_ORIGINS', `contains ${JSON.stringify(origin)}`, whatToWrite);
    }
    return origin;
  });
}

// `url.origin` would be "null" for the schemes of native shells, such as capacitor://localhost.
function serializeOrigin({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

/**
 * Allows the switch for the store only on this machine, because anybody who can stop the store can keep all users from refreshing. The switch of
 * the store in memory is on by default, except in production.
 */
function readFaults(env: Environment, host: string, redis: string | undefined): boolean {
  const isLocal = ['127.0.0.1', '::1', 'localhost'].includes(host);
  const isOnByDefault = isLocal && redis === undefined && env['NODE_ENV'] !== 'production';
  const isOn = readChoice(env, 'DEMO_FAULTS', isOnByDefault ? ['1', '0'] : ['0', '1']) === '1';
  if (isOn && !isLocal) {
    throw new SettingError('DEMO_FAULTS', 'works only on this machine', 'leave out HOST or DEMO_FAULTS');
  }
  if (isOn && redis?.startsWith('rediss:')) {
    throw new SettingError('DEMO_FAULTS', 'needs a REDIS_URL without TLS', 'write one such as redis://127.0.0.1:6379');
  }
  return isOn;
}

function readProcess(env: Environment): Settings['process'] {
  const count = read(env, 'DEMO_PROCESSES') ?? '1';
  if (!/^[1-9]\d?$/.test(count)) {
    throw new SettingError('DEMO_PROCESSES', `is ${JSON.stringify(count)}`, 'write a number from 1 to 99');
  }
  return { name: read(env, 'DEMO_PROCESS') ?? '1', of: Number(count) };
}

function readDelivery(env: Environment): NonNullable<RefreshAuthOptions['delivery']> {
  const cookie = { secure: readChoice(env, 'COOKIE_SECURE', ['true', 'false']) === 'true' };
  const delivery = readChoice(env, 'TOKEN_DELIVERY', ['both', 'header', 'cookie']);
  return {
    ...(delivery === 'cookie' && { header: false }),
    cookie: delivery === 'header' ? false : cookie,
  };
}

/** Reads one of the choices. Defaults to the first. */
function readChoice<const Choice extends string>(
  env: Environment,
  variable: string,
  choices: [Choice, ...Choice[]],
): Choice {
  const value = read(env, variable) ?? choices[0];
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) {
    throw new SettingError(variable, `is ${JSON.stringify(value)}`, `write ${choices.join(' or ')}`);
  }
  return choice;
}
