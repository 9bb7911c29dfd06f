import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { type FastifyPluginAsync, type FastifyRequest, fastify } from 'fastify';
import { buildSchema, type GraphQLSchema, isObjectType } from 'graphql';
import {
  apolloFeatureGate,
  type Licensee,
  type LicenseGraph,
  type MercuriusServer,
  mercuriusFeatureGate,
  requiresFeatureDirective,
  yogaFeatureGate,
} from '../../src/sdk/index.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';
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
  }
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
  stop(): Promise<void>;
}

interface Requested {
  readonly customer?: string | undefined;
}

async function startApollo(graph: LicenseGraph): Promise<Host> {
  const gate = apolloFeatureGate<Requested>({ graph, licensee: ({ customer }) => licenseeIn(customer) });
  const server = new ApolloServer<Requested>({ schema: gated(), plugins: [gate] });
  const customerOf = (request: IncomingMessage) => request.headers[CUSTOMER_HEADER]?.toString();
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async ({ req }) => ({ customer: customerOf(req) }),
  });
  return { url, stop: () => server.stop() };
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
  }>;
}

async function startYoga(graph: LicenseGraph): Promise<Host> {
  const gate = yogaFeatureGate<{ request: Request }>({
    graph,
    licensee: ({ request }) => licenseeIn(request.headers.get(CUSTOMER_HEADER)),
  });
  const { createYoga } = await load<Yoga>('graphql-yoga');
  const server = createServer(createYoga({ schema: gated(), plugins: [gate], logging: false }));
  const port = await listening(server);
  const stop = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { url: `http://127.0.0.1:${port}/graphql`, stop };
}

async function startMercurius(graph: LicenseGraph): Promise<Host> {
  const app = fastify();
  const { mercurius } = await load<Mercurius>('mercurius');
  await app.register(mercurius, {
    schema: gated(),
    context: (request) => ({ customer: request.headers[CUSTOMER_HEADER] }),
  });
  mercuriusFeatureGate<Requested>(app as unknown as MercuriusServer, {
    graph,
    licensee: ({ customer }) => licenseeIn(customer),
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url: `${url}/graphql`, stop: () => app.close() };
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
