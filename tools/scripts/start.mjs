import { build } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';

ensureInstalled();
await build();
// In this same process, so that Ctrl-C and SIGTERM reach the application itself.
await import('../../dist/apps/demo/main.js');
