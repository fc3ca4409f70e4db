import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RefreshAuthModule } from './refresh-auth.module.js';
import { checkJwtVersion, SUPPORTED, unsupportedPlatform } from './supported-platform.js';

const NODE = '20.19.0';
const NEST = '12.5.1';

describe('supported platforms', () => {
  test('are those that package.json names', () => {
    const path = fileURLToPath(new URL('../package.json', import.meta.url));
    const { engines, peerDependencies } = JSON.parse(readFileSync(path, 'utf8')) as {
      engines: { node: string };
      peerDependencies: Record<string, string>;
    };

    expect(SUPPORTED).toEqual({ node: engines.node, nest: peerDependencies['@nestjs/core'] });
    expect(SUPPORTED.nest).toBe(peerDependencies['@nestjs/common']);
  });

  test.each(['20.19.0', '20.20.2', '22.12.0', '22.23.3', '24.0.0', '25.1.0', '26.0.0'])(
    'include Node.js %s',
    (version) => {
      expect(unsupportedPlatform(version, NEST)).toEqual([]);
    },
  );

  test.each(['18.20.8', '20.18.3', '21.7.3', '22.11.0', '23.11.1'])('do not include Node.js %s', (version) => {
    expect(unsupportedPlatform(version, NEST)).toEqual([
      `nestjs-refresh-auth does not support Node.js ${version}: it needs ^20.19.0 || ^22.12.0 || >=24.0.0.`,
    ]);
  });

  test.each(['11.0.0', '11.2.10', '12.0.1', '12.5.1'])('include NestJS %s', (version) => {
    expect(unsupportedPlatform(NODE, version)).toEqual([]);
  });

  test.each(['1.0.0', '10.4.22', '12.0.0', '13.0.0', '110.0.0'])('do not include NestJS %s', (version) => {
    expect(unsupportedPlatform(NODE, version)).toEqual([
      `nestjs-refresh-auth does not support NestJS ${version}: it needs ^11.0.0 || ^12.0.1.`,
    ]);
  });
});

describe('[F70] @nestjs/jwt', () => {
  test.each([
    ['11.1.6', '11.0.2'],
    ['12.5.1', '12.0.2'],
    ['13.0.0-next.1', '13.0.0'],
  ])('fits: @nestjs/common %s, @nestjs/jwt %s', (common, jwt) => {
    expect(() => checkJwtVersion(common, jwt)).not.toThrow();
  });

  test.each([
    ['11.1.6', '12.0.2', '11'],
    ['12.5.1', '11.0.2', '12'],
    ['1.0.0', '11.0.2', '1'],
  ])('does not fit: @nestjs/common %s, @nestjs/jwt %s', (common, jwt, major) => {
    expect(() => checkJwtVersion(common, jwt)).toThrow(
      new Error(
        `RefreshAuthModule cannot start: @nestjs/jwt ${jwt} does not fit @nestjs/common ${common}. Install the same major version: npm install @nestjs/jwt@${major}`,
      ),
    );
  });
});

describe('an application with an unsupported NestJS', () => {
  const [, script] = process.argv;
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nestjs-refresh-auth-'));
  });
  afterEach(() => {
    process.argv[1] = script ?? '';
    Logger.overrideLogger(['error', 'warn', 'log']);
    rmSync(folder, { recursive: true });
  });

  test('[F70] does not boot with a @nestjs/jwt of another major version', async () => {
    for (const [name, version] of [
      ['common', '11.1.6'],
      ['jwt', '12.0.2'],
    ]) {
      const installed = join(folder, 'node_modules/@nestjs', String(name));
      mkdirSync(installed, { recursive: true });
      writeFileSync(join(installed, 'package.json'), JSON.stringify({ version, exports: { '.': './index.js' } }));
    }
    process.argv[1] = join(folder, 'dist/main.js');

    const builder = Test.createTestingModule({ imports: [RefreshAuthModule.forRoot({ secret: 'too short' })] });
    await expect(builder.compile()).rejects.toThrow(
      'RefreshAuthModule cannot start: @nestjs/jwt 12.0.2 does not fit @nestjs/common 11.1.6. Install the same major version: npm install @nestjs/jwt@11',
    );
  });

  test('is told so when it boots, before anything else', async () => {
    const nest = join(folder, 'node_modules/@nestjs/core');
    mkdirSync(nest, { recursive: true });
    writeFileSync(join(nest, 'package.json'), '{ "version": "10.4.22" }');
    process.argv[1] = join(folder, 'main.js');
    const lines: unknown[] = [];
    const ignore = (): void => undefined;
    const logger = { log: ignore, error: ignore, warn: (...line: unknown[]) => void lines.push(line) };

    const builder = Test.createTestingModule({ imports: [RefreshAuthModule.forRoot({ secret: 'too short' })] });
    await expect(builder.setLogger(logger).compile()).rejects.toThrow('option `secret`');

    expect(lines).toEqual([
      ['nestjs-refresh-auth does not support NestJS 10.4.22: it needs ^11.0.0 || ^12.0.1.', 'RefreshAuthModule'],
    ]);
  });
});
