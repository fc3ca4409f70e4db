// Packs two copies of the repository, in folders of different names, and checks that the tarballs have the same bytes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './library.mjs';

const folder = mkdtempSync(join(tmpdir(), 'nestjs-refresh-auth-twice-'));

/** Copies the files that a checkout of the present state has: also those that are not committed yet, and nothing that was built. */
function checkOut(copy) {
  const known = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of known.split('\0').filter((each) => each !== '' && existsSync(join(root, each)))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  for (const modules of ['node_modules', 'libs/refresh-auth/node_modules']) {
    if (existsSync(join(root, modules))) symlinkSync(join(root, modules), join(copy, modules), 'junction');
  }
}

function hashOfPackage(name) {
  const copy = join(folder, name);
  checkOut(copy);
  const program = `import { pack } from './tools/scripts/pack.mjs'; process.stdout.write(pack(process.cwd()));`;
  const tarball = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: copy,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return createHash('sha256').update(readFileSync(tarball)).digest('hex');
}

try {
  const hashes = ['first', 'the second, elsewhere'].map(hashOfPackage);
  assert.equal(hashes[1], hashes[0], 'two builds of the same files have different bytes');
  console.log(`Two builds give the same package: sha256 ${hashes[0]}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
