// Serves the files of a front end, on an origin of its own.
import { once } from 'node:events';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css' };

/** Serves an empty page, on an origin of its own: another site, for attacks. */
export function serveEmptyPage() {
  return serve((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html>'));
}

/** @param {string} folder a missing file is answered with its index.html */
export function serveSite(folder) {
  return serve((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const wanted = join(folder, normalize(pathname));
    const file = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(folder, 'index.html');
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  });
}

async function serve(answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
