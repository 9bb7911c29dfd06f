import type { IncomingMessage } from 'node:http';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSchema, type GraphQLSchema, isObjectType } from 'graphql';
import {
  apolloFeatureGate,
  type Licensee,
  type LicenseGraph,
  requiresFeatureDirective,
} from '../../src/sdk/index.js';
import { protectSchema } from '../../src/server/protectSchema.js';
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

/** Every server that there is an adapter for. */
export const hosts = { Apollo: startApollo } as const;

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
