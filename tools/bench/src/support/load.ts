import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const AUTOCANNON = fileURLToPath(new URL('autocannon.js', import.meta.url));
const CONNECTIONS = 32;
/** In seconds: a busy machine is slow, and nothing else. */
const PATIENCE = 60;

/** The request that is sent over and over. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bearer tokens, one for each request, in turn. */
  readonly tokens?: readonly string[] | undefined;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** wrk where it is installed: it needs a fraction of the CPU that a client in JavaScript does, and the servers get the rest. */
export const LOAD_GENERATOR = isOnPath('wrk') ? 'wrk' : 'autocannon';

/**
 * Keeps a server busy from a second process.
 *
 * @throws Error when anything but success is answered: refusing is cheaper than serving, and would be measured as speed
 */
export async function load(target: Target, seconds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-load-'));
  try {
    await (LOAD_GENERATOR === 'wrk' ? loadWithWrk : loadWithAutocannon)(target, seconds, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function loadWithWrk({ url, headers, tokens }: Target, seconds: number, folder: string): Promise<void> {
  const args = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  if (tokens) args.push('--script', await writeScript(tokens, folder));
  const { stdout } = await run('wrk', [
    '--threads=1',
    `--connections=${CONNECTIONS}`,
    `--duration=${seconds}s`,
    `--timeout=${PATIENCE}s`,
    ...args,
    url,
  ]);
  const failures = /^ *Non-2xx.*$/m.exec(stdout);
  if (failures) throw new Error(`The server under load failed: ${failures[0].trim()}`);
}

async function writeScript(tokens: readonly string[], folder: string): Promise<string> {
  const [list, script] = [join(folder, 'tokens'), join(folder, 'tokens.lua')];
  await writeFile(list, tokens.join('\n'));
  await writeFile(
    script,
    `local tokens, last = {}, 0
for token in io.lines('${list}') do tokens[#tokens + 1] = token end
request = function()
  last = last % #tokens + 1
  return wrk.format('GET', nil, { authorization = 'Bearer ' .. tokens[last] })
end`,
  );
  return script;
}

async function loadWithAutocannon(target: Target, seconds: number, folder: string): Promise<void> {
  const file = join(folder, 'target.json');
  await writeFile(file, JSON.stringify({ ...target, seconds, connections: CONNECTIONS, patience: PATIENCE }));
  await run(process.execPath, [AUTOCANNON, file]);
}
