import { build } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { ensureRedis } from './ensure-redis.mjs';

ensureInstalled();
process.env.REDIS_SERVER ||= ensureRedis();
await build('tools/bench');
// In this same process, so that Ctrl-C reaches it.
await import('../../dist/bench/src/bench.js');
