import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { type FastifyPluginAsync, type FastifyRequest, fastify } from 'fastify';
import { buildSchema, type GraphQLSchema, isObjectType } from 'graphql';
import { useServer as serveSockets } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import {
  apolloFeatureGate,
  graphqlWsFeatureGate,
  type Licensee,
  type LicenseGraph,
  type MercuriusServer,
  mercuriusFeatureGate,
  requiresFeatureDirective,
  yogaFeatureGate,
} from '../../src/sdk/index.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';
import { followEvents, followSocket, type HostStream, ticks } from './hostStreams.js';
import type { Json } from './server.js';

/** Somebody else's graph, the same on every server. */
const MARKED = `
  type Query {
    open: String
    gold: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 3)
    silver: Int @requiresFeature(feature: "silver", consumeQuota: true)
    plain: Int @requiresFeature(feature: "plain")
    broken: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 2)
    count(ids: [String!]!): Int @requiresFeature(feature: "gold", consumeQuota: true, amountFrom: "ids")
    box(isThere: Boolean = true): Box
    things(kinds: [String!]!): [Thing!]
  }
  type Mutation {
    tin: Int
    gild: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 3)
    break: Int @requiresFeature(feature: "gold", consumeQuota: true)
    parcel(isThere: Boolean = true): Parcel
    drain(customer: String!, units: Int!): Int
  }
  type Subscription {
    ticks: Int
    gilded: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 2)
    chased: Parcel
    locked: Int @requiresFeature(feature: "plain")
  }
  type Parcel { inner: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 2) }
  type Box @requiresFeature(feature: "box") {
    size: Int
    inner: Int @requiresFeature(feature: "gold", consumeQuota: true)
  }
  union Thing = Stone | Jewel
  type Stone { value: Int }
  type Jewel { value: Int @requiresFeature(feature: "gold", consumeQuota: true) }`;

const fail = (): never => {
  throw new Error('broken for the test');
};
const resolvers: Readonly<Record<string, (args: Readonly<Record<string, unknown>>) => unknown>> = {
  'Query.open': () => 'open',
  'Query.gold': () => 1,
  'Query.silver': () => 2,
  'Query.plain': () => 3,
  'Query.broken': fail,
  'Query.count': ({ ids }) => (Array.isArray(ids) ? ids.length : 0),
  'Query.box': ({ isThere }) => (isThere === true ? { size: 1, inner: 2 } : null),
  'Query.things': ({ kinds }) =>
    (Array.isArray(kinds) ? kinds : []).map((kind) => ({ __typename: kind, value: 1 })),
  'Mutation.tin': () => 1,
  'Mutation.gild': () => 2,
  'Mutation.break': fail,
  'Mutation.parcel': ({ isThere }) => (isThere === true ? { inner: 5 } : null),
  'Mutation.drain': ({ customer, units }) => drain.by(String(customer), Number(units)),
};

/** What somebody else does between two roots of a mutation. */
export const drain = { by: async (_customerId: string, _units: number): Promise<number> => 0 };

/** What an event of a stream is answered as. */
const answers: Readonly<Record<string, (event: unknown) => unknown>> = {
  ticks: (event) => event,
  gilded: (event) => event,
  chased: (event) => ({ inner: event }),
  locked: (event) => event,
};

export const features = ['gold', 'silver', 'plain', 'box'];

export function unguarded(): GraphQLSchema {
  const schema = buildSchema(`${requiresFeatureDirective().typeDefs} ${MARKED}`);
  for (const [place, resolve] of Object.entries(resolvers)) {
    const [typeName = '', name = ''] = place.split('.');
    const type = schema.getType(typeName);
    const field = isObjectType(type) ? type.getFields()[name] : undefined;
    if (field === undefined) throw new Error(`there is no field ${place}`);
    field.resolve = (_source, args) => resolve(args);
    field.extensions = { permission: 'anyone' };
  }
  for (const field of Object.values(schema.getSubscriptionType()?.getFields() ?? {})) {
    field.subscribe = ticks;
    field.resolve = (source) => answers[field.name]?.(Array.isArray(source) ? source[0] : undefined);
    field.extensions = { permission: 'anyone' };
  }
  return schema;
}

/** The same graph with the guards of the product's own server. */
export const ownSchema = (): GraphQLSchema => protectSchema(unguarded());

const gated = (): GraphQLSchema => requiresFeatureDirective({ features }).transformer(unguarded());

/** What a host tells of a request: which customer asks; nobody without the header. */
export const CUSTOMER_HEADER = 'x-customer';

function licenseeIn(value: unknown): Licensee | undefined {
  return typeof value === 'string' ? { customerId: value } : undefined;
}

export interface Host {
  readonly url: string;
  follow(query: string, customerId: string): Promise<HostStream>;
  stop(): Promise<void>;
}

/** Streams look again so soon that a test may wait for it. */
const RECHECK_MILLIS = 40;

interface Requested {
  readonly customer?: string | undefined;
}

async function startApollo(graph: LicenseGraph): Promise<Host> {
  const gate = apolloFeatureGate<Requested>({ graph, licensee: ({ customer }) => licenseeIn(customer) });
  const schema = gated();
  const server = new ApolloServer<Requested>({ schema, plugins: [gate] });
  const customerOf = (request: IncomingMessage) => request.headers[CUSTOMER_HEADER]?.toString();
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async ({ req }) => ({ customer: customerOf(req) }),
  });
  const socketServer = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/graphql' });
  const streams = graphqlWsFeatureGate<Requested>({
    graph,
    licensee: ({ customer }) => licenseeIn(customer),
    recheckMillis: RECHECK_MILLIS,
  });
  const context = ({ connectionParams }: { connectionParams?: object }) => ({ ...connectionParams });
  const { dispose } = serveSockets({ schema, context, ...streams }, socketServer);
  await once(socketServer, 'listening');
  const { port } = socketServer.address() as AddressInfo;
  const follow = (query: string, customer: string) =>
    followSocket(`ws://127.0.0.1:${port}/graphql`, query, { payload: { customer } });
  const stop = async (): Promise<void> => {
    await dispose();
    await server.stop();
  };
  return { url, follow, stop };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Loaded by the host that needs it; what is used of it is written down here. */
function load<Module>(name: string): Promise<Module> {
  return import(name);
}

interface Yoga {
  createYoga(options: object): (request: IncomingMessage, response: ServerResponse) => void;
}
interface Mercurius {
  readonly mercurius: FastifyPluginAsync<{
    schema: GraphQLSchema;
    context: (request: FastifyRequest) => object;
    subscription: { context: (connection: unknown, request: FastifyRequest) => object };
  }>;
}

async function startYoga(graph: LicenseGraph): Promise<Host> {
  const gate = yogaFeatureGate<{ request: Request }>({
    graph,
    licensee: ({ request }) => licenseeIn(request.headers.get(CUSTOMER_HEADER)),
    recheckMillis: RECHECK_MILLIS,
  });
  const { createYoga } = await load<Yoga>('graphql-yoga');
  const server = createServer(createYoga({ schema: gated(), plugins: [gate], logging: false }));
  const port = await listening(server);
  const url = `http://127.0.0.1:${port}/graphql`;
  const follow = (query: string, customer: string) =>
    followEvents(url, query, { [CUSTOMER_HEADER]: customer });
  const stop = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { url, follow, stop };
}

async function startMercurius(graph: LicenseGraph): Promise<Host> {
  const app = fastify();
  const { mercurius } = await load<Mercurius>('mercurius');
  await app.register(mercurius, {
    schema: gated(),
    context: (request) => ({ customer: request.headers[CUSTOMER_HEADER] }),
    subscription: {
      context: (_connection, request) => ({ customer: request.headers[CUSTOMER_HEADER], request }),
    },
  });
  mercuriusFeatureGate<Requested>(app as unknown as MercuriusServer, {
    graph,
    licensee: ({ customer }) => licenseeIn(customer),
    recheckMillis: RECHECK_MILLIS,
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const follow = (query: string, customer: string) =>
    followSocket(`${url.replace('http:', 'ws:')}/graphql`, query, {
      headers: { [CUSTOMER_HEADER]: customer },
    });
  return { url: `${url}/graphql`, follow, stop: () => app.close() };
}

/** Every server that there is an adapter for. */
export const hosts = { Apollo: startApollo, Yoga: startYoga, Mercurius: startMercurius } as const;

export interface HostAnswer {
  readonly data: Json | null;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: { readonly code?: string } & Readonly<Record<string, unknown>>;
  }[];
  readonly extensions?: Json;
}

export async function askHost(
  { url }: Pick<Host, 'url'>,
  asked: object,
  headers: Readonly<Record<string, string>>,
): Promise<HostAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(asked),
  });
  const { data = null, errors = [], extensions } = (await response.json()) as Partial<HostAnswer>;
  return { data, errors, ...(extensions === undefined ? {} : { extensions }) };
}
