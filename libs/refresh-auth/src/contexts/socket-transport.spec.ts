import { describe, expect, test } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { BaseWsExceptionFilter, WsException } from '@nestjs/websockets';
import { EventEmitter } from 'node:events';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { socketTransport } from './socket-transport.js';

const TOLD = { code: 'session_revoked', message: 'The session was revoked' };

/** The side of ws on which the server is: it sends, and emits in this process only. */
class PlainClient extends EventEmitter {
  readonly readyState = 1;
  readonly sent: unknown[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
}

function contextOf(client: object): ExecutionContextHost {
  const context = new ExecutionContextHost([client, {}]);
  context.setType('ws');
  return context;
}

async function denial(client: object): Promise<WsException> {
  const error = new RefreshAuthError('session_revoked', 'for the operator');
  return (await socketTransport.denial(error, contextOf(client))) as WsException;
}

describe('the exception of a refused message', () => {
  test('is one that NestJS recognizes by its class, with code and message', async () => {
    const error = await denial(new PlainClient());

    expect(error).toBeInstanceOf(WsException);
    expect(error.getError()).toEqual(TOLD);
  });

  test('reaches a client of ws once through the filter of NestJS 12, which sends', async () => {
    const client = new PlainClient();
    new BaseWsExceptionFilter().catch(await denial(client), contextOf(client));
    await new Promise(setImmediate);

    expect(client.sent).toEqual([{ event: 'exception', data: TOLD }]);
  });

  test('reaches a client of ws once through the filter of NestJS 11, which only emits', async () => {
    const client = new PlainClient();
    client.emit('exception', (await denial(client)).getError());
    client.emit('exception', { message: 'of the application' });
    await new Promise(setImmediate);

    expect(client.sent).toEqual([{ event: 'exception', data: TOLD }]);
    expect(client.listenerCount('exception')).toBe(0);
  });

  test('has one listener for all messages that are refused at once, and each is answered', async () => {
    const client = new PlainClient();
    const refused = await Promise.all(Array.from({ length: 100 }, () => denial(client)));
    expect(client.listenerCount('exception')).toBe(1);
    for (const exception of refused) client.emit('exception', exception.getError());
    await new Promise(setImmediate);

    expect([client.sent.length, client.listenerCount('exception')]).toEqual([100, 0]);
  });

  test('is not sent if a filter of the application answers in its own way', async () => {
    const client = new PlainClient();
    await denial(client);
    await new Promise(setImmediate);

    expect([client.sent, client.listenerCount('exception')]).toEqual([[], 0]);
  });

  test('is left to the filter for a client of socket.io, whose `emit` sends', async () => {
    const client = Object.assign(new EventEmitter(), { handshake: {}, request: { headers: {} } });
    await denial(client);

    expect(client.listenerCount('exception')).toBe(0);
  });
});
