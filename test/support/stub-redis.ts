import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface StubRedis {
  readonly port: number;
  /** Resolves when a client has sent a script. */
  asked(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Speaks as much of the protocol (RESP) as a client needs to connect, for errors that no real server gives on demand.
 *
 * @param error what scripts are answered with, such as `LOADING Redis is loading`; without one, with nothing
 */
export async function startStubRedis(error: string | undefined): Promise<StubRedis> {
  const sockets = new Set<Socket>();
  let notice = (): void => undefined;
  const asked = new Promise<void>((resolve) => (notice = resolve));

  const answer = (command: string): string => {
    if (command === 'HELLO') return '-ERR unknown command HELLO\r\n';
    if (command === 'INFO') return '$9\r\nloading:0\r\n';
    if (command === 'SUBSCRIBE') return '*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n';
    if (command.startsWith('EVAL')) {
      notice();
      return error === undefined ? '*-1\r\n' : `-${error}\r\n`;
    }
    return '+OK\r\n';
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    let received = '';
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk;
      for (let command = takeCommand(); command !== undefined; command = takeCommand()) socket.write(answer(command));
    });

    /** The name of the first command that has come completely, which is taken off what was received. */
    function takeCommand(): string | undefined {
      const latest = /^\*(\d+)\r\n/.exec(received);
      if (!latest) return undefined;
      let at = latest[0].length;
      let name: string | undefined;
      for (let part = 0; part < Number(latest[1]); part++) {
        const length = /^\$(\d+)\r\n/.exec(received.slice(at, at + 16));
        if (!length) return undefined;
        const start = at + length[0].length;
        at = start + Number(length[1]) + 2;
        if (received.length < at) return undefined;
        name ??= received.slice(start, at - 2).toUpperCase();
      }
      received = received.slice(at);
      return name;
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
