// @ts-check
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const HOST = '127.0.0.1';

/** @typedef {'pass' | 'hold' | 'cut' | 'reset'} Replies how the proxy treats the server's replies from now on */

/**
 * @typedef {object} TcpProxy
 * @property {number} port
 * @property {string} url
 * @property {Replies} replies `hold`: replies wait until `pass` is set again; `cut`: the first reply is dropped and its connection
 *   closed; `reset`: as `cut`, with a TCP reset
 * @property {() => number} latency returns how long to delay a reply, in milliseconds; called for each one; 0 by default
 * @property {() => void} vanish drops what clients send on the present connections, silently, as if the other end had vanished; new ones work
 * @property {(port: number) => void} leadTo sends new connections to another port, as after a change in DNS; open ones stay
 * @property {(port: number) => void} redirect as `leadTo`, and closes the open ones
 * @property {() => void} reset ends all connections with a TCP reset
 * @property {() => Promise<void>} disturbed resolves when the next reply has been held or dropped
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
 * Starts a proxy between an application and a server on this machine. Each disturbance lasts until the caller ends it.
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
