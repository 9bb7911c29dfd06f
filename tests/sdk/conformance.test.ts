import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { licenseGraph } from '../../src/sdk/index.js';
import { createApiKey } from '../support/apiKeys.js';
import { createCustomer, createLicense } from '../support/fixtures.js';
import { all, streamCases } from '../support/hostStreamCases.js';
import { followers, followSocket, type HostStream, tick, untilFollowed } from '../support/hostStreams.js';
import {
  askHost,
  CUSTOMER_HEADER,
  drain,
  type Host,
  type HostAnswer,
  hosts,
  ownSchema,
} from '../support/hosts.js';
import { type FeatureShop, openFeatureShop } from '../support/meters.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

/** The license server, and beside it the same one with the graph that the others have. */
let office: TestServer;
let own: TestServer;
let shop: FeatureShop;
let ownUrl: string;
const running = new Map<string, Host>();
const errors: unknown[] = [];

beforeAll(async () => {
  office = await startTestServer({ events: true });
  own = await startTestServer({ beside: office, graph: ownSchema(), events: true });
  ownUrl = await listen(own);
  shop = await openFeatureShop(office);
  const url = (await listen(office)).replace('ws:', 'http:');
  const { secret } = await createApiKey(office, shop.admin, { permissions: ['feature.consume'] });
  const graph = licenseGraph({
    url,
    apiKey: secret,
    failMode: 'CLOSED',
    onError: (error) => void errors.push(error),
  });
  drain.by = async (customerId, consume) => {
    await graph.requireFeature({ customerId }, 'gold', { consume });
    return consume;
  };
  for (const [name, start] of Object.entries(hosts)) running.set(name, await start(graph));
});
afterAll(async () => {
  for (const host of running.values()) await host.stop();
  await own?.stop();
  await office?.stop();
});

interface Case {
  readonly name: string;
  /** Features of the customer's license with their limits; without them it has none. */
  readonly limits?: Readonly<Record<string, number | null>>;
  readonly query: string;
  readonly variables?: object;
  readonly operationName?: string;
  readonly data: unknown;
  /** By path: the message of a refusal, or FAILED. */
  readonly refused?: Readonly<Record<string, string>>;
  readonly used?: Readonly<Record<string, number>>;
}

/** An alias that is longer than any path the license server takes. */
const LONG = `a${'b'.repeat(2_500)}`;

const cases: readonly Case[] = [
  {
    name: 'what is not marked asks nobody',
    query: '{ open __typename }',
    data: { open: 'open', __typename: 'Query' },
  },
  {
    name: 'units are charged as the marks say, aliases apart',
    limits: all,
    query: '{ gold again: gold silver plain }',
    data: { gold: 1, again: 1, silver: 2, plain: 3 },
    used: { gold: 6, silver: 1 },
  },
  {
    name: 'a name that a caller makes up is as long as he likes',
    limits: { gold: 10, box: null },
    query: `{ ${LONG}: box { inner size } }`,
    data: { [LONG]: { inner: 2, size: 1 } },
    used: { gold: 1 },
  },
  {
    name: 'units that are wanting refuse every metered field, charge nothing, and leave the others alone',
    limits: { ...all, silver: 0 },
    query: '{ open gold silver plain }',
    data: { open: 'open', gold: null, silver: null, plain: 3 },
    refused: { gold: 'Feature quota exceeded: 0/0', silver: 'Feature quota exceeded: 0/0' },
  },
  {
    name: 'several needs of one feature see each other',
    limits: { ...all, gold: 5 },
    query: '{ one: gold two: gold }',
    data: { one: null, two: null },
    refused: { one: 'Feature quota exceeded: 0/5', two: 'Feature quota exceeded: 0/5' },
  },
  {
    name: 'a feature that is not granted is refused by its name',
    limits: { gold: 10 },
    query: '{ gold plain }',
    data: { gold: 1, plain: null },
    refused: { plain: "Feature 'plain' not licensed" },
    used: { gold: 3 },
  },
  {
    name: 'without a license every marked field says so',
    query: '{ open gold plain }',
    data: { open: 'open', gold: null, plain: null },
    refused: { gold: 'No active license found for tenant', plain: 'No active license found for tenant' },
  },
  {
    name: 'units return when the resolver throws',
    limits: all,
    query: '{ gold broken }',
    data: { gold: 1, broken: null },
    refused: { broken: 'FAILED' },
    used: { gold: 3 },
  },
  {
    name: 'units return when the resolver never runs',
    limits: all,
    query: '{ box(isThere: false) { inner } silver }',
    data: { box: null, silver: 2 },
    used: { silver: 1 },
  },
  {
    name: 'a mark on a type stands before every field that returns it, and what lies below needs nothing',
    limits: { gold: 10 },
    query: '{ box { size inner } }',
    data: { box: null },
    refused: { box: "Feature 'box' not licensed" },
  },
  {
    name: 'elements of a list are one path',
    limits: all,
    query: '{ things(kinds: ["Jewel", "Stone", "Jewel"]) { ... on Jewel { value } ... on Stone { value } } }',
    data: { things: [{ value: 1 }, { value: 1 }, { value: 1 }] },
    used: { gold: 1 },
  },
  {
    name: 'an argument says how many units',
    limits: all,
    query: 'query ($ids: [String!]!) { count(ids: $ids) }',
    variables: { ids: ['a', 'b', 'c', 'd'] },
    data: { count: 4 },
    used: { gold: 4 },
  },
  {
    name: 'what is skipped needs nothing',
    limits: { ...all, gold: 1 },
    query: 'query ($no: Boolean!) { gold @include(if: $no) silver @skip(if: $no) }',
    variables: { no: false },
    data: { silver: 2 },
    used: { silver: 1 },
  },
  {
    name: 'the operation that is named counts, and no other of its document',
    limits: all,
    query: 'query A { gold } query B { ...F } fragment F on Query { silver }',
    operationName: 'B',
    data: { silver: 2 },
    used: { silver: 1 },
  },
  {
    name: 'a mutation is charged, and what fails of it gives its units back',
    limits: all,
    query: 'mutation { tin gild break }',
    data: { tin: 1, gild: 2, break: null },
    refused: { break: 'FAILED' },
    used: { gold: 3 },
  },
  {
    name: 'a mutation whose units are wanting does none of its metered roots',
    limits: { ...all, gold: 5 },
    query: 'mutation { tin one: gild two: gild }',
    data: { tin: 1, one: null, two: null },
    refused: { one: 'Feature quota exceeded: 0/5', two: 'Feature quota exceeded: 0/5' },
  },
  {
    name: 'a root that others have emptied meanwhile is refused, and undoes none before it',
    limits: all,
    query: 'mutation ($customer: String!) { one: gild drain(customer: $customer, units: 6) two: gild tin }',
    data: { one: 2, drain: 6, two: null, tin: 1 },
    refused: { two: 'Feature quota exceeded: 9/10' },
    used: { gold: 9 },
  },
  {
    name: 'a root is charged with what its payload needs',
    limits: all,
    query: 'mutation { tin parcel { inner } gild }',
    data: { tin: 1, parcel: { inner: 5 }, gild: 2 },
    used: { gold: 5 },
  },
  {
    name: 'a root that fails has given its units back when the next one runs',
    limits: { ...all, gold: 4 },
    query: 'mutation ($customer: String!) { break drain(customer: $customer, units: 1) gild }',
    data: { break: null, drain: 1, gild: 2 },
    refused: { break: 'FAILED' },
    used: { gold: 4 },
  },
  {
    name: 'the payload of a root that was never reached returns its units',
    limits: all,
    query: 'mutation { parcel(isThere: false) { inner } tin }',
    data: { parcel: null, tin: 1 },
  },
];

async function customerWith(limits: Case['limits']): Promise<string> {
  const customerId = await createCustomer(office, shop.admin);
  if (limits === undefined) return customerId;
  const granted = Object.entries(limits).map(([featureId, limitValue]) => ({
    featureId,
    featureName: featureId,
    limitValue,
  }));
  await createLicense(office, shop, { licenseType: 'PERPETUAL', customerId, features: granted });
  return customerId;
}

async function unitsOf(customerId: string): Promise<Record<string, number>> {
  const rows = await office.sql`select feature_id, sum(used)::int as used from feature_usage
    join licenses on licenses.id = license_id where customer_id = ${customerId} group by 1 having sum(used) > 0`;
  return Object.fromEntries(rows.map((row) => [row.feature_id, row.used]));
}

const refusals = new Set(['NO_ACTIVE_LICENSE', 'FEATURE_NOT_LICENSED', 'QUOTA_EXCEEDED']);

function refusedIn(answer: HostAnswer): Record<string, string> {
  return Object.fromEntries(
    answer.errors.map(({ path, message, extensions }) => [
      (path ?? []).join('.'),
      refusals.has(extensions?.code ?? '') ? message : 'FAILED',
    ]),
  );
}

type Asked = Pick<Case, 'query' | 'variables' | 'operationName'>;
async function ask(server: string, customerId: string, asked: Asked): Promise<HostAnswer> {
  const { query, operationName } = asked;
  const variables = { customer: customerId, ...asked.variables };
  const body = { query, variables, ...(operationName === undefined ? {} : { operationName }) };
  const host = running.get(server);
  if (host !== undefined) return askHost(host, body, { [CUSTOMER_HEADER]: customerId });
  const token = await own.token({ tenant_id: shop.tenantId, roles: ['customer'], customer_id: customerId });
  const response = await own.app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { authorization: `Bearer ${token}` },
    payload: body,
  });
  const { data, errors: told = [] } = response.json<{ data: Json; errors?: HostAnswer['errors'] }>();
  return { data, errors: told };
}

async function follow(server: string, customerId: string, query: string): Promise<HostStream> {
  const host = running.get(server);
  if (host !== undefined) return host.follow(query, customerId);
  const claims = { tenant_id: shop.tenantId, roles: ['customer'], customer_id: customerId } as const;
  return followSocket(ownUrl, query, { payload: { token: await own.token(claims) } });
}

describe.each(['this server', ...Object.keys(hosts)])('on %s', (server) => {
  test.each(cases.map((each) => [each.name, each] as const))('%s', async (_name, asked) => {
    const customerId = await customerWith(asked.limits);

    const answer = await ask(server, customerId, asked);

    expect(answer.data).toEqual(asked.data);
    expect(refusedIn(answer)).toEqual(asked.refused ?? {});
    expect(await unitsOf(customerId)).toEqual(asked.used ?? {});
    expect(errors).toEqual([]);
  });

  test.each(streamCases.map((each) => [each.name, each] as const))('%s', async (_name, asked) => {
    const customerId = await customerWith(asked.limits);

    const stream = await follow(server, customerId, asked.query);
    if (asked.refused === undefined) await untilFollowed(1);
    for (const [index] of asked.told.entries()) {
      tick(index + 1);
      await expect.poll(() => stream.told().length).toBe(index + 1);
    }
    if (asked.refused === undefined) await stream.stop();
    else await stream.over;

    await expect.poll(followers).toBe(0);
    await expect.poll(() => unitsOf(customerId)).toEqual(asked.used ?? {});
    expect(stream.told()).toEqual([...asked.told, ...(asked.refused === undefined ? [] : [asked.refused])]);
    expect(errors).toEqual([]);
  });

  test('a stream ends with the refusal when its license is revoked, and what an event has used stays charged', async () => {
    const customerId = await createCustomer(office, shop.admin);
    const { id } = await createLicense(office, shop, {
      licenseType: 'PERPETUAL',
      customerId,
      features: [{ featureId: 'gold', featureName: 'Gold', limitValue: 10 }],
    });
    const stream = await follow(server, customerId, 'subscription { gilded }');
    await untilFollowed(1);
    tick(1);
    await expect.poll(() => stream.told().length).toBe(1);

    await office.ok(
      `mutation { revokeLicense(input: { licenseId: "${id}", reason: "fraud" }) { __typename } }`,
      {},
      shop.admin,
    );
    await stream.over;

    expect(stream.told()).toEqual([{ gilded: 1 }, 'NO_ACTIVE_LICENSE']);
    await expect.poll(followers).toBe(0);
    expect(await unitsOf(customerId)).toEqual({ gold: 2 });
  });

  test('a refusal tells which feature is wanting, and what stands on its limit', async () => {
    const customerId = await customerWith({ gold: 10, silver: 0, plain: null });

    const { errors: told } = await ask(server, customerId, { query: '{ gold silver plain box { size } }' });

    const silver = { code: 'QUOTA_EXCEEDED', feature: 'silver', limit: 0, used: 0, windowEndsAt: null };
    expect(Object.fromEntries(told.map(({ path, extensions }) => [path?.join('.'), extensions]))).toEqual({
      gold: silver,
      silver,
      box: { code: 'FEATURE_NOT_LICENSED', feature: 'box' },
    });
  });

  test('an operation that asks for too much is refused whole, and draws nothing', async () => {
    const customerId = await customerWith({ gold: null });
    const aliases = Array.from({ length: 501 }, (_, index) => `a${index}: gold`);

    const { data, errors: told } = await ask(server, customerId, { query: `{ ${aliases.join(' ')} }` });

    expect(data ?? null).toBeNull();
    expect(told.map(({ extensions }) => extensions?.code)).toEqual(['OPERATION_TOO_LARGE']);
    expect(await unitsOf(customerId)).toEqual({});
  });

  test('40 at once on a limit of 30 units get exactly ten uses of three', async () => {
    const customerId = await customerWith({ gold: 30 });
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => ask(server, customerId, { query: '{ gold }' })),
    );

    expect(answers.filter(({ data }) => data?.gold !== null)).toHaveLength(10);
    expect(await unitsOf(customerId)).toEqual({ gold: 30 });
  });
});
