// The code blocks of README.md compile and run, in an ESM and in a CommonJS application, and what it says about front ends works.
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { Controller, Get, Post, Res } from '@nestjs/common';
import {
  type HttpResponse,
  Public,
  type RefreshAuthOptions,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import { CookieJar } from 'tough-cookie';
import ts from 'typescript';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { type RunningProcess, startProcess } from './support/child-process.js';
import { send } from './support/http.js';
import { codeBlocks, readPage } from './support/pages.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const readme = readPage('README.md');
// Inside the workspace, so that the blocks resolve packages as an application would.
const folder = join(root, 'test/.readme');

const blocks = codeBlocks(readme);
const files = blocks
  .filter(({ language }) => language === 'ts')
  .map(({ path = 'unnamed.ts', code }) => ({ name: path.replace(/^src\//, ''), code }));
const [installOn12 = '', installOn11 = '', createSecret = '', start = '', check = ''] = blocks
  .filter(({ language }) => language === 'sh')
  .map(({ code }) => code);

/** How the README says that each kind of application imports the module. */
const [, specifierInEsm = '', specifierInCommonJs = ''] =
  /from `'(\S+)'` in an ESM application, and from `'(\S+)'` in a CommonJS one/.exec(readme) ?? [];

const kinds = [
  { kind: 'ESM', type: 'module', specifier: specifierInEsm, extension: '.js' },
  { kind: 'CommonJS', type: 'commonjs', specifier: specifierInCommonJs, extension: '' },
];

/** The files that the reader has, with what the README says to add to them. */
const ownFiles = (specifier: string, extension: string) => [
  {
    name: 'app.module.ts',
    code: `
      import { Module } from '@nestjs/common';
      import { AuthModule } from '${specifier}';

      @Module({ imports: [AuthModule] })
      export class AppModule {}`,
  },
  {
    name: 'main.ts',
    code: `
      import { NestFactory } from '@nestjs/core';
      import { AppModule } from './app.module${extension}';

      async function bootstrap(): Promise<void> {
        const app = await NestFactory.create(AppModule);
        app.enableShutdownHooks();
        await app.listen(0, '127.0.0.1');
        console.log(\`listens on \${await app.getUrl()}\`);
      }
      void bootstrap();`,
  },
];

/** Compiles an application as its own compiler would, and returns the problems. */
function compile(names: readonly string[], verbatimModuleSyntax: boolean): unknown[] {
  const program = ts.createProgram(names, {
    // TypeScript allows it in ESM only.
    verbatimModuleSyntax,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    isolatedModules: true,
    skipLibCheck: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  });
  const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  return problems.map(({ messageText }) => messageText);
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('README.md', () => {
  it('has at most 250 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(250);
  });

  it('has only blocks that are run below', () => {
    expect(blocks.map(({ language }) => language)).toEqual(['mermaid', 'sh', 'sh', 'ts', 'sh', 'sh', 'sh']);
    expect(files.map(({ name }) => name)).toEqual(['auth.module.ts']);
  });

  it('[F71] has no block that imports a file by a relative path, which differs between ESM and CommonJS', () => {
    expect(files.filter(({ code }) => /from '\.{1,2}\//.test(code))).toEqual([]);
  });

  it('[F70] installs packages that exist, and on NestJS 11 the @nestjs/jwt of NestJS 11', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    const { name: library, peerDependencies } = JSON.parse(
      readFileSync(join(root, 'libs/refresh-auth/package.json'), 'utf8'),
    ) as { name: string; peerDependencies: Record<string, string> };
    const packages = (line: string) =>
      line
        .replace(/^npm install /, '')
        .trim()
        .split(' ');

    const known = [library, ...Object.keys(peerDependencies), ...Object.keys(devDependencies)];
    for (const name of packages(installOn12)) expect(known).toContain(name);
    expect(packages(installOn11)).toEqual(
      packages(installOn12).map((name) => name + ({ '@nestjs/jwt': '@11', '@nestjs/config': '@4' }[name] ?? '')),
    );
  });

  it('takes the figures of its sentences about costs from the tables of docs/performance.md', () => {
    const [, sentences = ''] = /<!-- bench:summary -->(.*?)<!-- bench -->/s.exec(readme) ?? [];
    const figures = sentences.match(/\d+\.\d+/g) ?? [];
    const tables = readPage('docs/performance.md');

    expect(figures).toHaveLength(3);
    for (const figure of figures) expect(tables).toContain(`| ${figure} (`);
  });
});

describe.each(kinds)('the blocks of README.md in an application in $kind', ({ kind, type, specifier, extension }) => {
  const home = join(folder, type);
  const sources = [...files, ...ownFiles(specifier, extension)];
  let problems: readonly unknown[];
  let redis: RedisServer;
  let app: RunningProcess;

  beforeAll(async () => {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), JSON.stringify({ type }));
    for (const { name, code } of sources) writeFileSync(join(home, name), code);
    problems = compile(
      sources.map(({ name }) => join(home, name)),
      kind === 'ESM',
    );
    redis = await startRedis();
  });

  afterAll(async () => {
    await app?.end('SIGTERM');
    await redis.stop();
  });

  it('compile, fully strict', () => {
    expect(problems).toEqual([]);
    expect(readFileSync(join(home, 'auth.module.js'), 'utf8').includes('require(')).toBe(kind === 'CommonJS');
  });

  it('start it in production with the secret that the README creates, and answer its four curl lines as it says', async () => {
    execFileSync('bash', ['-e', '-c', createSecret], { cwd: home });
    const [, name = '', value] = /^(\w+)=(\S+) npm run start\n$/.exec(start) ?? [];
    const { PATH } = process.env;
    app = await startProcess('node', ['main.js'], {
      cwd: home,
      env: { PATH, NODE_ENV: 'production', REDIS_URL: redis.url, [name]: value },
      ready: /listens on (\S+)/,
    });
    const { host } = new URL(app.match[1] ?? '');

    const { stdout } = spawnSync('bash', ['-e', '-c', check.replaceAll('localhost:3000', host)], {
      cwd: home,
      encoding: 'utf8',
    });

    const promised = (/^The answers, in this order:\n\n((?:\d\. .+\n)+)/m.exec(readme)?.[1] ?? '').split('\n', 4);
    const facts = /"(?:code|state)":"[\w-]+"/g;
    expect(stdout.match(/(?<=HTTP\/1.1 )\d+/g)).toEqual(promised.map((line) => / (\d{3})\b/.exec(line)?.[1]));
    expect(stdout.match(facts)).toEqual(promised.flatMap((line) => line.match(facts) ?? []));
    expect(stdout.match(/^Authorization: Bearer eyJ/gim)).toHaveLength(2);
  });
});

@Controller()
class FrontEndController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Get('profile')
  profile(): object {
    return {};
  }

  @Post('orders')
  order(): object {
    return {};
  }
}

describe('what README.md says about front ends', () => {
  const [, optionsOfAnotherPort = ''] = /In the options: `(csrf: .+?)`/.exec(readme) ?? [];
  const [, optionsOfPlainHttp = ''] = /`(delivery: \{ cookie: \{ secure: config.+? \} \})`/.exec(readme) ?? [];
  const [, cors = ''] = /`app\.enableCors\((.+?)\)`/.exec(readme) ?? [];
  const read = (code: string): unknown => runInThisContext(`(${code})`);
  const readOptions = (code: string) => read(`{ ${code} }`) as RefreshAuthOptions;
  const readOptionsFor = (code: string, environment: string) =>
    (read(`(config) => ({ ${code} })`) as (config: object) => RefreshAuthOptions)({ get: () => environment });
  // The page that the README speaks of.
  const [, origin = ''] = /trustedOrigins: \['(.+?)'\]/.exec(optionsOfAnotherPort) ?? [];
  const apps: AuthApp[] = [];

  afterAll(() => Promise.all(apps.map((app) => app.close())));

  async function startFor(options: RefreshAuthOptions): Promise<AuthApp> {
    const app = await startAuthApp('express', {
      controllers: [FrontEndController],
      options,
      configure: (each) => each.enableCors(read(cors)),
    });
    apps.push(app);
    return app;
  }

  /** Sends what a browser sends for `fetch(url, { credentials: 'include' })` on the page on another port. */
  const fromPage = (app: AuthApp, method: string, path: string, token: string) =>
    send(`${app.url}${path}`, {
      method,
      headers: { origin, 'sec-fetch-site': 'same-site', cookie: `__Host-authorization=${token}` },
    });

  test('[F62] a page on another port is served and refreshed, and its scripts may read the answers', async () => {
    const app = await startFor(readOptions(optionsOfAnotherPort));
    const { token } = await mintToken(app.app, { sub: '1' }, { state: 'refreshable' });

    const answer = await fromPage(app, 'GET', '/profile', token);
    expect(answer.status).toBe(200);
    expect(answer.setCookies).toHaveLength(1);
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
    expect(answer.headers['access-control-allow-credentials']).toBe('true');
    expect((await fromPage(app, 'POST', '/orders', token)).status).toBe(201);
  });

  test('[F62] without `csrf.trustedOrigins`, its POST gets 403 and an expired token 401', async () => {
    const app = await startFor({});
    const { token } = await mintToken(app.app, { sub: '1' }, { state: 'refreshable' });

    expect((await fromPage(app, 'POST', '/orders', token)).json()).toMatchObject({ code: 'request_cross_site' });
    expect((await fromPage(app, 'GET', '/profile', token)).json()).toMatchObject({ code: 'token_expired' });
  });

  test.each([
    ['keeps the cookie over plain http', readOptionsFor(optionsOfPlainHttp, 'test'), 200],
    ['loses it in production', readOptionsFor(optionsOfPlainHttp, 'production'), 401],
    ['loses it without that option', {}, 401],
  ])('[F79] a cookie jar of a test %s', async (_, options, status) => {
    const { url } = await startFor(options);
    const jar = new CookieJar(undefined, { allowSecureOnLocal: false });

    const login = await send(`${url}/login`, { method: 'POST' });
    for (const cookie of login.setCookies) await jar.setCookie(cookie, url, { ignoreError: true });
    const cookie = await jar.getCookieString(url);

    expect((await send(`${url}/profile`, { headers: cookie ? { cookie } : {} })).status).toBe(status);
  });
});
