import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { send } from './http.js';

export interface CachingProxy {
  url: string;
  close(): Promise<void>;
}

interface Stored {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** The request headers that the answer varies with, and their values. */
  varies: [name: string, value: unknown][];
  freshUntil: number;
}

/** Fields by which an origin speaks to this cache: the first that is there counts alone (RFC 9213 section 2.2, and Edge Architecture 1.0). */
const FIELDS = ['cdn-cache-control', 'surrogate-control', 'cache-control'];

function directives(headers: IncomingHttpHeaders): Map<string, string> {
  const field = FIELDS.find((name) => headers[name] !== undefined);
  const text = field === undefined ? '' : String(headers[field]);
  return new Map(
    text.split(',').map((directive) => {
      const [name = '', value = ''] = directive.trim().toLowerCase().split('=');
      return [name, value];
    }),
  );
}

/** How long a shared cache may serve an answer without asking, in milliseconds; `undefined`: it may not keep it (RFC 9111 sections 3, 3.5, 4.2.1). */
function freshness(request: IncomingHttpHeaders, answer: IncomingHttpHeaders): number | undefined {
  const said = directives(answer);
  if (said.has('no-store') || said.has('private')) return undefined;
  const isShared = said.has('public') || said.has('s-maxage') || said.has('must-revalidate');
  if (request.authorization !== undefined && !isShared && answer['cdn-cache-control'] === undefined) return undefined;
  const seconds = said.get('s-maxage') ?? said.get('max-age');
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** A shared cache between clients and a server, as RFC 9111 allows it to be, and greedy within that. `X-Cache` says where an answer came from. */
export async function startCachingProxy(origin: string): Promise<CachingProxy> {
  const stored = new Map<string, Stored>();

  const server = createServer((request, response) => {
    void answer(request.method ?? '', request.url ?? '', request.headers).then(({ status, headers, body }) =>
      response.writeHead(status, headers).end(body),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  async function answer(
    method: string,
    path: string,
    headers: IncomingHttpHeaders,
  ): Promise<{ status: number; headers: OutgoingHttpHeaders; body: string }> {
    const found = method === 'GET' ? stored.get(path) : undefined;
    const kept = found?.varies.every(([name, value]) => headers[name] === value) ? found : undefined;
    if (kept && Date.now() < kept.freshUntil) return { ...kept, headers: { ...kept.headers, 'x-cache': 'hit' } };

    const validator = kept?.headers.etag === undefined ? {} : { 'if-none-match': kept.headers.etag };
    const fresh = await send(origin, {
      method,
      path,
      headers: { ...headers, host: new URL(origin).host, ...validator },
    });
    const isConfirmed = kept !== undefined && fresh.status === 304;
    const whole: Omit<Stored, 'varies' | 'freshUntil'> = isConfirmed
      ? { ...kept, headers: { ...kept.headers, ...fresh.headers } }
      : fresh;
    const lifetime = freshness(headers, fresh.headers);
    if (method === 'GET' && lifetime !== undefined) {
      const names = (whole.headers.vary ?? '').split(',').map((name) => name.trim().toLowerCase());
      const varies = names.filter(Boolean).map((name): [string, unknown] => [name, headers[name]]);
      stored.set(path, { ...whole, varies, freshUntil: Date.now() + lifetime });
    }
    const { 'transfer-encoding': _, ...rest } = whole.headers;
    return { ...whole, headers: { ...rest, 'x-cache': isConfirmed ? 'confirmed' : 'miss' } };
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
