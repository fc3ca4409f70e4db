import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { DynamicModule } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import type { Adapter } from './apps.js';
import { type AuthApp, type AuthAppOptions, startAuthApp } from './auth-app.js';
import { type HttpAnswer, type RequestOptions, send } from './http.js';

/** The GraphQL servers that NestJS has drivers for, each as its driver sets it up by default, with subscriptions and batches switched on. */
const DRIVERS = {
  'Apollo on Express': apollo,
  'Apollo on Fastify': apollo,
  Mercurius: mercurius,
} satisfies Record<string, (typeDefs: string, options: object) => DynamicModule>;

export type Driver = keyof typeof DRIVERS;

/** For `describe.each`: whatever the library does for GraphQL, it does the same on all. */
export const drivers = Object.keys(DRIVERS) as Driver[];

export interface GraphqlAppOptions extends AuthAppOptions {
  typeDefs: string;
  /** Options of the driver. */
  graphql?: object;
}

export function startGraphqlApp(
  driver: Driver,
  { typeDefs, graphql = {}, imports = [], ...rest }: GraphqlAppOptions,
): Promise<AuthApp> {
  const adapter: Adapter = driver === 'Apollo on Express' ? 'express' : 'fastify';
  return startAuthApp(adapter, { ...rest, imports: [DRIVERS[driver](typeDefs, graphql), ...imports] });
}

function apollo(typeDefs: string, options: object): DynamicModule {
  return GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    typeDefs,
    subscriptions: { 'graphql-ws': true },
    allowBatchedHttpRequests: true,
    // Apollo shows stacks unless NODE_ENV is `production` or `test`.
    includeStacktraceInErrorResponses: true,
    ...options,
  });
}

function mercurius(typeDefs: string, options: object): DynamicModule {
  return GraphQLModule.forRoot<MercuriusDriverConfig>({
    driver: MercuriusDriver,
    typeDefs,
    subscription: { fullWsTransport: true },
    allowBatchedQueries: true,
    ...options,
  });
}

/** The answer to one operation. */
export interface GraphqlAnswer {
  data?: unknown;
  errors?: GraphqlError[] | undefined;
}

export interface GraphqlError {
  message: string;
  path?: readonly (string | number)[] | undefined;
  extensions?: Record<string, unknown> | undefined;
}

/** Sends operations in one HTTP request: several are a batch. */
export async function query(
  url: string,
  operations: string | string[],
  { headers, ...options }: RequestOptions = {},
): Promise<HttpAnswer & { answers: GraphqlAnswer[] }> {
  const body = Array.isArray(operations) ? operations.map((one) => ({ query: one })) : { query: operations };
  const answer = await send(`${url}/graphql`, { method: 'POST', body, headers: { ...headers }, ...options });
  return { ...answer, answers: [answer.json()].flat() as GraphqlAnswer[] };
}

/** The codes of the library in an answer, one for each error. */
export function codesOf({ errors = [] }: GraphqlAnswer): unknown[] {
  return errors.map(({ extensions }) => (extensions?.['refreshAuth'] as { code?: unknown } | undefined)?.code);
}
