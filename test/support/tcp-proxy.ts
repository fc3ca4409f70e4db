import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What becomes of what a server sends, from now on. */
export type Replies = 'pass' | 'hold' | 'cut' | 'reset';

export interface TcpProxy {
  readonly port: number;
  readonly url: string;
  /**
   * `hold`: they are kept back, and delivered once they may pass again; `cut`: the connection ends with the first of them, which the
   * client never sees; `reset`: so, and without a goodbye.
   */
  replies: Replies;
  /** What clients send is not passed on, and nobody is told: the other end has vanished. Connections made later work. */
  vanish(): void;
  /** Where new connections lead, as when a name is given to another server; those that there are stay. */
  leadTo(port: number): void;
  /** As `leadTo`, and those that there are end. */
  redirect(port: number): void;
  /** Fulfilled when the next reply has been kept back or cut off. */
  disturbed(): Promise<void>;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly held: Buffer[];
  hasVanished: boolean;
}

/** A network between the application and Redis, in the test's hand. It knows no time: each disturbance lasts until the test ends it. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const links = new Set<Link>();
  let targetPort = target;
  let replies: Replies = 'pass';
  let noticed = (): void => undefined;

  const deliver = (link: Link): void => {
    for (const chunk of link.held.splice(0)) if (!link.hasVanished) link.client.write(chunk);
  };
  const disturb = (link: Link): void => {
    if (replies === 'cut') link.client.destroy();
    if (replies === 'reset') link.client.resetAndDestroy();
    noticed();
  };

  const drop = (): void => {
    for (const { client, server, hasVanished } of links) {
      // Nobody is there any more who could tell the client.
      if (!hasVanished) client.destroy();
      server.destroy();
    }
  };

  const proxy = createServer((client) => {
    const server = connect(targetPort, '127.0.0.1');
    const link: Link = { client, server, held: [], hasVanished: false };
    links.add(link);
    client.on('data', (chunk) => {
      if (!link.hasVanished) server.write(chunk);
    });
    server.on('data', (chunk) => {
      link.held.push(chunk);
      if (replies === 'pass') deliver(link);
      else disturb(link);
    });
    for (const [end, other] of [
      [client, server],
      [server, client],
    ] as const) {
      end.on('error', () => undefined);
      end.on('close', () => {
        if (end === client || !link.hasVanished) other.destroy();
        links.delete(link);
      });
    }
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get replies() {
      return replies;
    },
    set replies(next) {
      replies = next;
      if (next === 'pass') links.forEach(deliver);
    },
    vanish() {
      for (const link of links) link.hasVanished = true;
    },
    leadTo(to) {
      targetPort = to;
    },
    redirect(to) {
      targetPort = to;
      drop();
    },
    disturbed: () => new Promise((resolve) => (noticed = resolve)),
    async close() {
      drop();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
