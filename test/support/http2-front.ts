import { once } from 'node:events';
import { request } from 'node:http';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';

/** Headers that HTTP/2 does not have (RFC 9113, section 8.2.2). */
const CONNECTION_HEADERS = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade'];

/** A server that speaks nothing but HTTP/2, for an application behind it that speaks HTTP/1.1. Clients have to ignore its certificate. */
export interface Http2Front {
  url: string;
  close(): Promise<void>;
}

export async function startHttp2Front(target: string): Promise<Http2Front> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keyType: 'ec',
    algorithm: 'sha256',
  });
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer({ cert, key }, (incoming, outgoing) => {
    const own = Object.entries(incoming.headers).filter(([name]) => !name.startsWith(':'));
    const headers = { ...Object.fromEntries(own), host: incoming.authority };
    const forwarded = request(target + incoming.url, { method: incoming.method, headers, agent: false }, (answered) => {
      const kept = Object.entries(answered.headers).filter(([name]) => !CONNECTION_HEADERS.includes(name));
      outgoing.writeHead(answered.statusCode ?? 502, Object.fromEntries(kept));
      answered.pipe(outgoing);
    });
    forwarded.once('error', () => outgoing.stream.close());
    incoming.pipe(forwarded);
  }).listen(0, '127.0.0.1');
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
