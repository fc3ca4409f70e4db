import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { startProcess } from './child-process.js';
import { codeBlocks, readPage } from './pages.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The versions of an application that a guide leads through. */
export const STEPS = ['before', 'step-1', 'step-2', 'step-3'] as const;
export type Step = (typeof STEPS)[number];

export interface GuideProcess {
  readonly port: number;
  readonly url: string;
  stop(): Promise<unknown>;
}

/** The sample application of a guide, in each of its versions: the blocks of a step replace files of the version before. */
export class GuideApp {
  /** Inside the workspace, so that the versions resolve packages as an application would. */
  readonly #folder: string;

  constructor(private readonly name: string) {
    this.#folder = join(root, 'test/.migration', name);
  }

  /** Writes all versions, as TypeScript and as JavaScript that Node.js runs. */
  write(): void {
    const guide = readPage(`docs/migration/from-${this.name}.md`);
    const sections = guide.split(/^## /m);
    let written = 0;
    let before = join(root, 'test/support/migration', this.name);
    for (const step of STEPS) {
      const folder = join(this.#folder, step);
      cpSync(before, folder, { recursive: true });
      const section = sections.find((text) => text.startsWith(step.replace('step-', 'Step '))) ?? '';
      for (const [, line = ''] of section.matchAll(/^Delete (.*)$/gm)) {
        for (const [, path = ''] of line.matchAll(/`(\S+\.ts)`/g)) rmSync(join(folder, path));
      }
      for (const { path, code } of codeBlocks(section)) {
        if (path === undefined) continue;
        written += 1;
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), code);
      }
      before = folder;
    }
    assert.equal(
      written,
      codeBlocks(guide).filter(({ path }) => path !== undefined).length,
      'a file outside of the steps',
    );
    const compilerOptions = { ...options(), module: ts.ModuleKind.ESNext };
    for (const path of this.#files()) {
      // Processes share few cores with other tests, which is no outage of the store.
      const code = readFileSync(path, 'utf8').replace('redis: process', "storeTimeout: '20s', redis: process");
      writeFileSync(path.replace(/ts$/, 'js'), ts.transpileModule(code, { compilerOptions }).outputText);
    }
  }

  /** Returns what the compiler finds wrong in any version of these applications, which see the library as it is published. */
  static problems(apps: readonly GuideApp[]): string[] {
    const files = apps.flatMap((app) => app.#files());
    const { paths: _, ...asInApplications } = options();
    const program = ts.createProgram(files, asInApplications);
    return files
      .flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
      .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  }

  async start(step: Step, env: Record<string, string>): Promise<GuideProcess> {
    const started = await startProcess(process.execPath, ['main.js'], {
      cwd: join(this.#folder, step),
      env: { PATH: process.env['PATH'], PORT: '0', ...env },
      ready: /Listening on (http:\/\/127\.0\.0\.1:(\d+))\n/,
    });
    const [, url = '', port] = started.match;
    return { url, port: Number(port), stop: () => started.end('SIGTERM') };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #files(): string[] {
    const names = readdirSync(this.#folder, { recursive: true, encoding: 'utf8' });
    return names.filter((name) => name.endsWith('.ts')).map((name) => join(this.#folder, name));
  }
}

function options(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

/** One port in front of several processes, which take turns. */
export class Balancer {
  #ports: readonly number[] = [];
  #turn = 0;
  readonly #server = createServer((client) => {
    const server = connect(this.#ports[this.#turn++ % this.#ports.length] ?? 0, '127.0.0.1');
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    client.pipe(server).pipe(client);
  });

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on these processes are behind the port. */
  deploy(...processes: readonly GuideProcess[]): void {
    this.#ports = processes.map(({ port }) => port);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
