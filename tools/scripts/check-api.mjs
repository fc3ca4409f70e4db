// Compares the public surface of every entry with the report that is kept in the repository. `--update` rewrites the reports.
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLibrary } from './build.mjs';
import { compiledEntry, entries, library } from './library.mjs';

const isUpdate = process.argv.includes('--update');
const reports = join(library, 'api');
const temporary = mkdtempSync(join(tmpdir(), 'nestjs-refresh-auth-api-'));

const nameOf = ({ path }) => path.slice(1).replaceAll('/', '-') || 'index';

/** @returns true if the report matches the entry */
function check(entry) {
  const reportFileName = `${nameOf(entry)}.api.md`;
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(library, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: library,
      mainEntryPointFilePath: `${compiledEntry(entry)}.d.ts`,
      compiler: { tsconfigFilePath: join(library, 'tsconfig.lib.json') },
      apiReport: { enabled: true, reportFolder: reports, reportTempFolder: temporary, reportFileName },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        // Names that are not exported are left alone: whoever imports an entry can reach them only by inference.
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const { succeeded, apiReportChanged } = Extractor.invoke(config, {
    localBuild: isUpdate,
    messageCallback: (message) => {
      message.handled = message.logLevel !== ExtractorLogLevel.Error;
    },
  });
  return succeeded && (isUpdate || !apiReportChanged);
}

await buildLibrary();
mkdirSync(reports, { recursive: true });
const changed = entries.filter((entry) => !check(entry)).map(nameOf);
const kept = entries.map((entry) => `${nameOf(entry)}.api.md`);
const leftOver = readdirSync(reports).filter((file) => !kept.includes(file));
if (isUpdate) for (const file of leftOver) rmSync(join(reports, file));
rmSync(temporary, { recursive: true });

const problems = [...changed, ...(isUpdate ? [] : leftOver)];
if (problems.length > 0) {
  console.error(
    `The public surface has changed: ${problems.join(', ')}.\n` +
      'Where that is meant, write it down with `npm run api:update`, look at the difference, and say in CHANGELOG.md what it means for applications.',
  );
  process.exit(1);
}
console.log(`The public surface of ${entries.length} entries is as the reports in libs/refresh-auth/api say.`);
