import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';

/** A server that speaks TLS for an application behind it, as a load balancer does. Its certificate is nobody's: clients have to ignore that. */
export interface TlsFront {
  port: number;
  /** Sends all requests from now on to the application at this URL. */
  forwardTo(url: string): void;
  /** Answers the requests to this path itself, on every host: with these headers, each value as a line of its own. */
  answer(path: string, headers: Record<string, string[]>): void;
  close(): Promise<void>;
}

export async function startTlsFront(): Promise<TlsFront> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: '*.example.test' }], {
    keyType: 'ec',
    algorithm: 'sha256',
  });
  const answers = new Map<string, Record<string, string[]>>();
  let target = '';
  const server = createServer({ cert, key }, (incoming, outgoing) => {
    const answer = answers.get(incoming.url ?? '');
    if (answer) {
      outgoing.writeHead(200, answer).end();
      return;
    }
    const { method, rawHeaders } = incoming;
    const forwarded = request(`${target}${incoming.url}`, { method, headers: rawHeaders, agent: false }, (answered) => {
      outgoing.writeHead(answered.statusCode ?? 502, answered.rawHeaders);
      answered.pipe(outgoing);
    });
    forwarded.once('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    forwardTo: (url) => (target = url),
    answer: (path, headers) => answers.set(path, headers),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
