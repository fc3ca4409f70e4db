import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { GraphqlAnswer, GraphqlError } from './graphql-app.js';

/** The credentials with which a client opens a socket. */
export interface Opening {
  headers?: Record<string, string>;
  /** The payload of `connection_init`. */
  payload?: unknown;
}

/** An answer, or the code with which the server has closed the socket. */
export type SocketAnswer = GraphqlAnswer | { closed: number };

/** A client of graphql-ws, which opens one socket for all its operations, at the first of them. */
export function graphqlClient(url: string, { headers = {}, payload }: Opening = {}): Client {
  class Socket extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { headers });
    }
  }
  return createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: Socket,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
    ...(payload !== undefined && { connectionParams: () => payload as Record<string, unknown> }),
  });
}

/** A subscription that a client has begun. */
export interface Subscribed {
  /** The first answer. */
  readonly first: Promise<SocketAnswer>;
  /** All answers so far. */
  readonly answers: readonly GraphqlAnswer[];
  /** Resolves when the server has ended the subscription. */
  readonly ended: Promise<void>;
}

export function subscribe(client: Client, query: string): Subscribed {
  const answers: GraphqlAnswer[] = [];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const first = new Promise<SocketAnswer>((resolve, reject) => {
    client.subscribe(
      { query },
      {
        next: (answer) => {
          answers.push(answer as GraphqlAnswer);
          resolve(answer as GraphqlAnswer);
        },
        error: (error) => {
          if (Array.isArray(error)) resolve({ errors: error as GraphqlError[] });
          else if (error instanceof Error) reject(error);
          else resolve({ closed: (error as { code: number }).code });
        },
        complete: end,
      },
    );
  });
  return { first, answers, ended };
}

/** Opens a socket, asks for some operations, one after the other, and returns the first answer to each. */
export async function operate(url: string, opening: Opening, ...queries: string[]): Promise<SocketAnswer[]> {
  const client = graphqlClient(url, opening);
  const answers: SocketAnswer[] = [];
  try {
    for (const query of queries) answers.push(await subscribe(client, query).first);
  } finally {
    await client.dispose();
  }
  return answers;
}

/** The names of messages in both protocols of GraphQL over sockets: Mercurius speaks the older one too. */
const BEGIN = { 'graphql-transport-ws': 'subscribe', 'graphql-ws': 'start' } as const;

/**
 * Opens a socket without a client, which would refuse to send what is not allowed, and asks for one operation.
 *
 * @returns the first answer; the code, if the server closes the socket before
 */
export function operateByHand(
  url: string,
  protocol: keyof typeof BEGIN,
  { headers = {}, payload }: Opening,
  query: string,
): Promise<SocketAnswer> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocol, { headers });
  const say = (message: object): void => socket.send(JSON.stringify(message));
  return new Promise<SocketAnswer>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (closed) => resolve({ closed }));
    socket.on('open', () => say({ type: 'connection_init', payload }));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { type: string; payload: unknown };
      if (message.type === 'connection_ack') say({ id: '1', type: BEGIN[protocol], payload: { query } });
      else if (message.type === 'error') resolve({ errors: message.payload as GraphqlError[] });
      else resolve(message.payload as GraphqlAnswer);
    });
  }).finally(() => socket.terminate());
}
