// @ts-check
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const HOST = '127.0.0.1';

/** @typedef {'pass' | 'hold' | 'cut' | 'reset'} Replies what becomes of what a server sends, from now on */

/**
 * @typedef {object} TcpProxy
 * @property {number} port
 * @property {string} url
 * @property {Replies} replies `hold`: they are kept back, and delivered once they may pass again; `cut`: the connection ends with the
 *   first of them, which the client never sees; `reset`: so, and without a goodbye
 * @property {() => number} latency for how long a reply is kept back, in milliseconds; asked for each; 0 to begin with
 * @property {() => void} vanish what clients send is not passed on, and nobody is told: the other end has vanished. Connections made later work
 * @property {(port: number) => void} leadTo where new connections lead, as when a name is given to another server; those that there are stay
 * @property {(port: number) => void} redirect as `leadTo`, and those that there are end
 * @property {() => void} reset ends all connections without a goodbye
 * @property {() => Promise<void>} disturbed resolves when the next reply has been kept back or cut off
 * @property {() => Promise<void>} close
 */

/**
 * @typedef {object} Link
 * @property {import('node:net').Socket} client
 * @property {import('node:net').Socket} server
 * @property {Buffer[]} held
 * @property {Promise<void> | undefined} late the replies that latency keeps back, in order
 * @property {boolean} hasVanished
 */

/** @param {Link} link */
function deliver(link) {
  for (const chunk of link.held.splice(0)) if (!link.hasVanished) link.client.write(chunk);
}

/**
 * Starts a network between an application and a server on this machine, in the caller's hand: each disturbance lasts until the caller
 * ends it.
 *
 * @param {number} target the server's port
 * @returns {Promise<TcpProxy>}
 */
export async function startTcpProxy(target) {
  /** @type {Set<Link>} */
  const links = new Set();
  let targetPort = target;
  /** @type {Replies} */
  let replies = 'pass';
  /** @type {(() => void) | undefined} */
  let noticed;

  const disturb = (/** @type {Link} */ link) => {
    if (replies === 'cut') link.client.destroy();
    if (replies === 'reset') link.client.resetAndDestroy();
    noticed?.();
  };
  const arrive = (/** @type {Link} */ link, /** @type {Buffer} */ chunk) => {
    link.held.push(chunk);
    if (replies === 'pass') deliver(link);
    else disturb(link);
  };

  const drop = () => {
    for (const { client, server, hasVanished } of links) {
      // Nobody is there any more who could tell the client.
      if (!hasVanished) client.destroy();
      server.destroy();
    }
  };

  const listener = createServer((client) => {
    const server = connect(targetPort, HOST);
    /** @type {Link} */
    const link = { client, server, held: [], late: undefined, hasVanished: false };
    links.add(link);
    client.on('data', (chunk) => {
      if (!link.hasVanished) server.write(chunk);
    });
    server.on('data', (chunk) => {
      const latency = proxy.latency();
      // Once one reply was late, those after it wait for it.
      if (latency > 0 || link.late) {
        link.late = Promise.resolve(link.late)
          .then(() => (latency > 0 ? delay(latency) : undefined))
          .then(() => arrive(link, chunk));
      } else {
        arrive(link, chunk);
      }
    });
    for (const [end, other] of [
      [client, server],
      [server, client],
    ]) {
      end?.on('error', () => undefined);
      end?.on('close', () => {
        if (end === client || !link.hasVanished) other?.destroy();
        links.delete(link);
      });
    }
  }).listen(0, HOST);
  await once(listener, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (listener.address());

  /** @type {TcpProxy} */
  const proxy = {
    port,
    url: `redis://${HOST}:${port}`,
    get replies() {
      return replies;
    },
    set replies(next) {
      replies = next;
      if (next === 'pass') links.forEach(deliver);
    },
    latency: () => 0,
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
    reset() {
      for (const { client } of links) client.resetAndDestroy();
    },
    disturbed: () => new Promise((resolve) => (noticed = resolve)),
    async close() {
      drop();
      listener.close();
      await once(listener, 'close');
    },
  };
  return proxy;
}
