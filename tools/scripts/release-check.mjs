// Checks that the repository can be released as the version in libs/refresh-auth/package.json. Changes nothing.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { manifest, root } from './library.mjs';
import { addressProblems } from './repository.mjs';

const { version } = manifest;

const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();

function checkChangelog() {
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  const [, unreleased, ...released] = changelog.split(/^## /m);
  const problems = [];
  if (!unreleased?.startsWith('[Unreleased]'))
    problems.push('CHANGELOG.md does not begin with the section [Unreleased].');
  else if (/^- /m.test(unreleased))
    problems.push('CHANGELOG.md has entries under [Unreleased]: they belong to the release.');
  const [newest = ''] = released;
  if (!newest.startsWith(`[${version}] - `) || !/^\[[^\]]+\] - \d{4}-\d{2}-\d{2}$/m.test(newest)) {
    problems.push(`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD" right after [Unreleased].`);
  }
  return problems;
}

function checkRepository() {
  const problems = [];
  const changed = git('status', '--porcelain');
  if (changed !== '') problems.push(`There are changes that are not committed:\n${changed}`);
  const tagged = git('rev-list', '-n', '1', `v${version}`);
  if (tagged !== '' && tagged !== git('rev-parse', 'HEAD')) {
    problems.push(`v${version} is the tag of another commit: raise the version in libs/refresh-auth/package.json.`);
  }
  const tags = git('tag', '--points-at', 'HEAD', '--list', 'v*').split('\n').filter(Boolean);
  for (const tag of tags.filter((each) => each !== `v${version}`)) {
    problems.push(`This commit has the tag ${tag}, and the package the version ${version}.`);
  }
  return problems;
}

/** Runs the checks of CI once more, since this is the last moment. */
function runChecks() {
  return ['api:check', 'check:package']
    .filter((script) => spawnSync('npm', ['run', script], { cwd: root, stdio: 'inherit', shell: true }).status !== 0)
    .map((script) => `npm run ${script} fails.`);
}

const problems = [...checkChangelog(), ...checkRepository(), ...addressProblems(manifest), ...runChecks()];
if (problems.length > 0) {
  console.error(
    `\nnestjs-refresh-auth ${version} cannot be released:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
  );
  process.exit(1);
}
console.log(`\nnestjs-refresh-auth ${version} can be released: tag this commit v${version}, and push the tag.`);
