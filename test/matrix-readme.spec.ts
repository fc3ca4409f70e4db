// How the matrix reads README.md. It installs and runs what it finds: `npm run test:matrix -- --readme`.
import { describe, expect, it } from '@jest/globals';
import { applicationFiles, packagesToInstall } from '../tools/matrix/readme.mjs';

const block = (language: string, code: string) => `\`\`\`${language}\n${code}\`\`\`\n`;

const lines =
  block('sh', 'npm install nestjs-refresh-auth @nestjs/jwt ioredis @nestjs/config\n') +
  block('sh', 'npm install nestjs-refresh-auth @nestjs/jwt@11 ioredis @nestjs/config@4\n');

const module = block(
  'ts',
  `// src/auth.module.ts
import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { RefreshAuthModule } from 'nestjs-refresh-auth';

@Module({ imports: [ConfigModule, RefreshAuthModule.forRoot({ secret: '' })] })
export class AuthModule {}
`,
);

describe('What the matrix installs', () => {
  it('[F70] is the line for the major of NestJS', () => {
    expect(packagesToInstall(lines, 12)).toEqual(['nestjs-refresh-auth', '@nestjs/jwt', 'ioredis', '@nestjs/config']);
    expect(packagesToInstall(lines, 11)).toEqual([
      'nestjs-refresh-auth',
      '@nestjs/jwt@11',
      'ioredis',
      '@nestjs/config@4',
    ]);
  });

  it('[F70] is nothing without a line of its own for NestJS 11', () => {
    const oneLine = block('sh', 'npm install nestjs-refresh-auth @nestjs/jwt ioredis\n');

    expect(packagesToInstall(oneLine, 12)).toHaveLength(3);
    expect(() => packagesToInstall(oneLine, 11)).toThrow('for NestJS 11');
    expect(() => packagesToInstall(oneLine + oneLine, 12)).toThrow('one line');
  });

  it('[F70] includes what the code imports', () => {
    const without = block('sh', 'npm install nestjs-refresh-auth @nestjs/jwt ioredis\n');

    expect(packagesToInstall(lines + module, 12)).toContain('@nestjs/config');
    expect(packagesToInstall(lines + module, 11)).toContain('@nestjs/config@4');
    expect(() => packagesToInstall(without + module, 12)).toThrow('imports @nestjs/config');
  });
});

describe('What the matrix writes', () => {
  it.each([
    ['.js', './auth.module.js'],
    ['', './auth.module'],
  ])('[F71] imports the module of README.md with the ending %j', (extension, specifier) => {
    const files = applicationFiles(lines + module, extension);

    expect(files.map(({ name }) => name)).toEqual(['auth.module.ts', 'app.module.ts']);
    expect(files[1]?.code).toContain(`import { AuthModule } from '${specifier}';`);
  });

  it('[F71] leaves every import of README.md as it is written', () => {
    const own = block('ts', "// app.module.ts\nimport { AuthModule } from './auth.module.js';\n");

    expect(applicationFiles(module + own, '').map(({ code }) => `\`\`\`ts\n${code}\`\`\`\n`)).toEqual([module, own]);
  });
});
