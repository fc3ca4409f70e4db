// Runs the demo as one worker of a cluster.
import cluster from 'node:cluster';

cluster.setupPrimary({ exec: 'dist/apps/demo/main.js' });
const worker = cluster.fork();
process.once('SIGTERM', () => worker.kill());
worker.once('exit', (code) => process.exit(code ?? 0));
