// The code blocks of README.md compile and run.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { startApp } from './support/apps.js';
import { startDemo } from './support/demo-process.js';
import { send } from './support/http.js';
import { startRedis } from './support/redis-server.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
// Inside the workspace, so that the blocks resolve packages as an application would.
const folder = join(root, 'test/.readme');

const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({
  language,
  code: code ?? '',
}));
const files = blocks
  .filter(({ language }) => language === 'ts')
  .map(({ code }) => ({ name: join(folder, /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? 'unnamed.ts'), code }));
const shellBlocks = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);

describe('The code blocks of the README', () => {
  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
    for (const { name, code } of files) writeFileSync(name, code);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are all of a kind that is run below', () => {
    expect(blocks.map(({ language }) => language)).toEqual(['sh', 'ts', 'ts', 'ts', 'ts', 'sh', 'sh', 'sh']);
    expect(files.map(({ name }) => name)).not.toContain(join(folder, 'unnamed.ts'));
  });

  it('compile, fully strict', () => {
    const config = ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
      ts.sys,
      root,
    );
    const program = ts.createProgram(
      files.map(({ name }) => name),
      { ...config.options, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] },
    );
    const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
    expect(problems).toEqual([]);
  });

  it('wire up an application that signs in, serves, refreshes in the client and signs out', async () => {
    const redis = await startRedis();
    process.env['JWT_SECRET'] = 'of the README: 32 bytes or more of it';
    process.env['REDIS_URL'] = redis.url;
    try {
      const { AppModule } = (await import(join(folder, 'app.module.ts'))) as { AppModule: Type };
      const { request } = (await import(join(folder, 'client.ts'))) as { request: typeof fetch };
      const { url, close } = await startApp('express', { imports: [AppModule] });
      try {
        expect((await request(`${url}/profile`)).status).toBe(401);
        const json = { 'content-type': 'application/json' };
        const login = await request(`${url}/auth/login`, { method: 'POST', headers: json, body: '{"userId":"7"}' });
        expect(await login.json()).toEqual({ expiresAt: expect.any(Number) });
        const profile = await request(`${url}/profile`);
        expect(await profile.json()).toEqual({ id: '7', role: 'member', state: 'valid' });
        expect((await request(`${url}/auth/logout`, { method: 'POST' })).status).toBe(204);
        expect((await request(`${url}/profile`)).status).toBe(401);
      } finally {
        await close();
      }
    } finally {
      delete process.env['JWT_SECRET'];
      delete process.env['REDIS_URL'];
      await redis.stop();
    }
  });

  it('name packages and scripts that exist', () => {
    const library = JSON.parse(readFileSync(join(root, 'libs/refresh-auth/package.json'), 'utf8')) as {
      name: string;
      peerDependencies: Record<string, string>;
    };
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const [install = '', commands = ''] = shellBlocks;
    const [, installed = ''] = /^npm install (.*)\n$/.exec(install) ?? [];
    for (const name of installed.split(' '))
      expect([library.name, ...Object.keys(library.peerDependencies)]).toContain(name);
    for (const [, script = ''] of commands.matchAll(/^npm (\w+)/gm)) expect(Object.keys(scripts)).toContain(script);
  });

  it('show a refresh with curl', async () => {
    const [, , start = '', curl = ''] = shellBlocks;
    const [, lifetime = ''] = /^TOKEN_EXPIRES_IN=(\d+) npm start\n$/.exec(start) ?? [];
    const demo = await startDemo({ TOKEN_EXPIRES_IN: lifetime });
    try {
      const { stdout } = spawnSync('bash', ['-e', '-c', curl.replaceAll('localhost:3000', new URL(demo.url).host)], {
        encoding: 'utf8',
      });
      const values = (header: string) =>
        [...stdout.matchAll(new RegExp(`^${header}: (.*)\r$`, 'gim'))].map(([, value]) => value);
      expect(values('X-Token-State')).toEqual(['valid', 'refreshable', 'already-refreshed']);
      const [first, second, ...more] = values('Authorization');
      expect(first).toMatch(/^Bearer eyJ/);
      expect([second, more]).toEqual([first, []]);
      expect((await send(demo.url, { path: '/me', headers: { authorization: first ?? '' } })).status).toBe(200);
    } finally {
      await demo.stop();
    }
  });
});
