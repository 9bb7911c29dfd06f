import { buildSchema, type GraphQLObjectType, type GraphQLSchema, isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationActor } from '../../src/access/model.js';
import type { LicenseId, TenantId } from '../../src/core/id.js';
import type { Context } from '../../src/graph/context.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';
import { grantToTenant } from '../support/fixtures.js';
import {
  type FeatureShop,
  messagesByPath,
  openFeatureShop,
  refusalsByPath,
  unitsUsed,
} from '../support/meters.js';
import { type Answer, START, startTestServer, type TestServer } from '../support/server.js';

const directive =
  'directive @requiresFeature(feature: String!, consumeQuota: Boolean = false, amount: Int = 1) on FIELD_DEFINITION | OBJECT';

/** Marks in places where the product's own graph has none yet. */
const marked = buildSchema(`${directive}
  type Query {
    open: String
    gold: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 3)
    silver: Int @requiresFeature(feature: "silver", consumeQuota: true)
    broken: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 2)
    late: Int @requiresFeature(feature: "hourly", consumeQuota: true)
    box: Box
    things(kinds: [String!]!): [Thing!]
    show(tenantId: String!, licenseId: String!): Shown
  }
  type Mutation {
    tin: Int
    gild: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 3)
    wrap: Box
  }
  type Box @requiresFeature(feature: "box") {
    plain: Int
    inner: Int @requiresFeature(feature: "gold", consumeQuota: true)
  }
  union Thing = Stone | Jewel
  type Stone { value: Int weight: Int }
  type Jewel { value: Int @requiresFeature(feature: "gold", consumeQuota: true) weight: Int }
  type Shown { secret: Int @requiresFeature(feature: "gold", consumeQuota: true) }`);

let server: TestServer;

function fieldsOf(
  schema: GraphQLSchema,
  name: string,
): ReturnType<GraphQLObjectType<unknown, Context>['getFields']> {
  const type = schema.getType(name);
  if (!isObjectType(type)) throw new Error(`there is no type ${name}`);
  return type.getFields();
}

/** Gives a field its resolver and its permission, as the decorators would. */
function field(
  path: string,
  resolve: (args: Record<string, unknown>, ctx: Context) => unknown,
  permission = 'anyone',
) {
  const [type = '', name = ''] = path.split('.');
  const target = fieldsOf(marked, type)[name];
  if (target === undefined) throw new Error(`there is no field ${path}`);
  target.resolve = (_source, args, ctx) => resolve(args, ctx);
  target.extensions = { permission };
}

function prepare(): GraphQLSchema {
  field('Query.open', () => 'open');
  field('Query.gold', () => 1);
  field('Query.silver', () => null);
  field('Query.broken', () => Promise.reject(new Error('broken for the test')));
  field('Query.late', () => {
    server.pass(3_600_000);
    throw new Error('broken in the next hour');
  });
  field('Query.box', () => ({ plain: 1, inner: 2 }));
  field('Query.things', ({ kinds }) =>
    (Array.isArray(kinds) ? kinds : []).map((kind) => ({ __typename: kind, value: 1, weight: 2 })),
  );
  field('Query.show', async ({ tenantId, licenseId }, ctx) => {
    const reading = await ctx.reading();
    reading.enter(tenantId as TenantId, applicationActor(tenantId as TenantId, licenseId as LicenseId));
    return {};
  });
  field('Mutation.tin', () => 1);
  field('Mutation.gild', () => 2);
  field('Mutation.wrap', () => ({ plain: 1, inner: 2 }));
  field('Shown.secret', () => 42, 'license.read');
  return protectSchema(marked);
}

/** The tenants are made on a server with the product's graph, beside the one under test. */
let office: TestServer;
beforeAll(async () => {
  office = await startTestServer();
  server = await startTestServer({ beside: office, graph: prepare() });
});
afterAll(async () => {
  await server.stop();
  await office.stop();
});

async function shopWith(quotas: Record<string, number | null>): Promise<FeatureShop & { id: string }> {
  const shop = await openFeatureShop(office);
  const features = Object.entries(quotas).map(([featureId, limitValue]) => ({
    featureId,
    limitValue,
    limitPeriod: featureId === 'hourly' ? 'HOUR' : 'NONE',
  }));
  return { ...shop, id: (await grantToTenant(office, shop, features)).id };
}

const ask = (shop: FeatureShop, query: string): Promise<Answer> => server.graphql(query, {}, shop.admin);

describe('several metered features in one query', () => {
  test('are charged what each mark says', async () => {
    const shop = await shopWith({ gold: 6, silver: 1 });

    const answer = await ask(shop, '{ open gold again: gold silver }');

    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual({ open: 'open', gold: 1, again: 1, silver: null });
    expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 6, silver: 1 });
  });

  test.each([
    ['lacks units', { gold: 2, silver: 1 }, 'Feature quota exceeded: 0/2'],
    ['is not licensed', { silver: 1 }, "Feature 'gold' not licensed"],
  ])('all answer the refusal of one that %s, and nothing is charged', async (_why, quotas, message) => {
    const shop = await shopWith(quotas);

    const answer = await ask(shop, '{ silver gold open }');

    expect(messagesByPath(answer)).toEqual({ gold: message, silver: message });
    expect(answer.data).toEqual({ silver: null, gold: null, open: 'open' });
    expect(await unitsUsed(office, shop.tenantId)).toEqual({});
  });

  test('one whose resolver throws gets its units back, the others stay charged', async () => {
    const shop = await shopWith({ gold: 9, silver: 9 });

    const answer = await ask(shop, '{ broken gold silver }');

    expect(refusalsByPath(answer)).toEqual({ broken: 'INTERNAL_SERVER_ERROR' });
    expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 3, silver: 1 });
  });

  test('units return to the window that they were drawn from, though it ended meanwhile', async () => {
    const shop = await shopWith({ hourly: 1 });

    const answer = await ask(shop, '{ late }');
    server.now = START;

    expect(refusalsByPath(answer)).toEqual({ late: 'INTERNAL_SERVER_ERROR' });
    const counters =
      await office.sql`select window_start, used::int from feature_usage where tenant_id = ${shop.tenantId}`;
    expect(counters.map((row) => [row.window_start.toISOString(), row.used])).toEqual([[START, 0]]);
  });
});

describe('a marked type', () => {
  test('refuses every field that returns it, and charges nothing', async () => {
    const shop = await shopWith({ gold: 5 });

    const answer = await ask(shop, '{ box { plain } open }');
    const mutation = await ask(shop, 'mutation { tin wrap { plain } }');

    expect(messagesByPath(answer)).toEqual({ box: "Feature 'box' not licensed" });
    expect(answer.data).toEqual({ box: null, open: 'open' });
    expect(messagesByPath(mutation)).toEqual({ wrap: "Feature 'box' not licensed" });
    expect(mutation.data).toEqual({ tin: 1, wrap: null });
  });

  test('answers when its feature is granted, without a unit of it', async () => {
    const shop = await shopWith({ box: 0, gold: 1 });

    const answer = await ask(shop, '{ box { plain inner } }');

    expect(answer.data).toEqual({ box: { plain: 1, inner: 2 } });
    expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 1 });
  });

  test('that is refused needs nothing below: no unit, and no refusal of others for want of one', async () => {
    const shop = await shopWith({ gold: 0, silver: 1 });

    const query = await ask(shop, '{ box { inner } silver }');
    const mutation = await ask(shop, 'mutation { wrap { inner } tin }');

    expect(messagesByPath(query)).toEqual({ box: "Feature 'box' not licensed" });
    expect(messagesByPath(mutation)).toEqual({ wrap: "Feature 'box' not licensed" });
    expect(await unitsUsed(office, shop.tenantId)).toEqual({ silver: 1 });
  });
});

describe('a union of which one type has a mark', () => {
  const things = (...kinds: string[]) =>
    `{ things(kinds: ${JSON.stringify(kinds)}) { ... on Stone { value weight } ... on Jewel { value weight } } }`;

  test('is enforced on that type alone, whichever comes first', async () => {
    const shop = await shopWith({ gold: 0 });

    const answer = await ask(shop, things('Stone', 'Jewel', 'Stone'));

    expect(messagesByPath(answer)).toEqual({ 'things.1.value': 'Feature quota exceeded: 0/0' });
    expect(answer.data?.things).toEqual([
      { value: 1, weight: 2 },
      { value: null, weight: 2 },
      { value: 1, weight: 2 },
    ]);
  });

  test('is charged once for a path, and not at all when only the other type came', async () => {
    const shop = await shopWith({ gold: 5 });

    await ask(shop, things('Stone', 'Stone'));
    expect(await unitsUsed(office, shop.tenantId)).toEqual({});
    await ask(shop, things('Jewel', 'Stone', 'Jewel'));
    expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 1 });
  });
});

describe('several metered roots of a mutation', () => {
  test('are all refused when one is, while the others run', async () => {
    const shop = await shopWith({ gold: 5 });

    const answer = await ask(shop, 'mutation { first: gild tin second: gild }');

    expect(messagesByPath(answer)).toEqual({
      first: 'Feature quota exceeded: 0/5',
      second: 'Feature quota exceeded: 0/5',
    });
    expect(answer.data).toEqual({ first: null, tin: 1, second: null });
    expect(await unitsUsed(office, shop.tenantId)).toEqual({});
  });

  test('are charged one by one when all have their units', async () => {
    const shop = await shopWith({ gold: 6 });

    const answer = await ask(shop, 'mutation { first: gild tin second: gild }');

    expect(answer.data).toEqual({ first: 2, tin: 1, second: 2 });
    expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 6 });
  });
});

test('a field that nobody decided on is refused: who becomes known while the query runs passes no mark', async () => {
  const shop = await shopWith({ gold: 5 });

  const answer = await server.graphql(
    `{ open show(tenantId: "${shop.tenantId}", licenseId: "${shop.id}") { secret } }`,
  );

  expect(messagesByPath(answer)).toEqual({ 'show.secret': 'No active license found for tenant' });
  expect(answer.data).toEqual({ open: 'open', show: { secret: null } });
  expect(await unitsUsed(office, shop.tenantId)).toEqual({});
});
