// An app that keeps the token itself: it is started again, sleeps, and meets an outage.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EXPIRIES, expiry, startApi, STORM } from '../../tools/examples/api.mjs';

export async function drive({ folder }) {
  const api = await startApi({ delivery: 'header' });
  const tokenFile = join(folder, 'token');
  let app;
  const start = async () => {
    const child = spawn(process.execPath, ['app.js', api.url, tokenFile], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ended = once(child, 'close');
    app = {
      child,
      first: (await lines.next()).value,
      async act(command) {
        child.stdin.write(`${command}\n`);
        return (await lines.next()).value;
      },
      async end() {
        child.stdin.end();
        await ended;
      },
    };
    return app.first;
  };
  try {
    assert.equal(await start(), 'signed out');
    assert.equal(await app.act('sign-in'), '200');
    for (let expiries = 0; expiries < EXPIRIES; expiries += 1) {
      await expiry();
      assert.equal(await app.act('load'), '200');
    }
    assert.equal(api.answers.filter(({ state }) => state === 'refreshable').length, EXPIRIES);
    await app.end();
    await expiry();
    assert.equal(await start(), 'signed in');
    assert.equal(await app.act('storm'), String(STORM));

    await expiry();
    await api.stopStore();
    const waiting = app.act('load');
    await api.answered(({ status }) => status === 503);
    await api.startStore();
    // The client has waited and tried again by itself.
    assert.equal(await waiting, '200');
    assert.equal(await app.act('sign-out'), '204');
    assert.equal(await app.act('load'), '401');
    await app.end();
    assert.equal(existsSync(tokenFile), false);
  } finally {
    app.child.kill();
    await api.close();
  }
}
