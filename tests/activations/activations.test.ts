import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { activationStatuses } from '../../src/activations/model/activation.js';
import { addDays, addMillis, DAY_MILLIS, type Instant } from '../../src/core/clock.js';
import { actOn, tablesOf } from '../support/acts.js';
import { deactivate, heartbeat, seatsOf, tryActivate } from '../support/devices.js';
import {
  activate,
  createCustomer,
  createLicense,
  type Issued,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { fc } from '../support/seed.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.now = START;
  shop = await openShop(server);
});

function nodesIn(connection: Json | undefined): Json[] {
  const nodes: unknown = connection?.nodes;
  return Array.isArray(nodes) ? nodes : [];
}

async function listed(filter: object, selection = 'id status', as: Claims = shop.admin): Promise<Json[]> {
  const data = await server.ok(
    `query ($filter: ActivationFilter) { activations(first: 100, filter: $filter) { totalCount nodes { ${selection} } } }`,
    { filter },
    as,
  );
  const nodes = nodesIn(data.activations);
  expect(data.activations?.totalCount).toBe(nodes.length);
  return nodes;
}

const statusOf = async (id: unknown): Promise<unknown> => {
  const data = await server.ok('query ($id: ID!) { activation(id: $id) { status } }', { id }, shop.admin);
  return data.activation?.status;
};

describe('suspension writes nothing on activations', () => {
  const suspended = (license: Issued) =>
    actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'Unpaid' });

  async function rows(license: Issued): Promise<unknown> {
    return server.sql`select * from license_activations where license_id = ${license.id} order by id`;
  }

  test('they read SUSPENDED, keep their seats, and come back with reinstatement', async () => {
    const license = await createLicense(server, shop, { maxActivations: 2 });
    const live = await activate(server, license.licenseKey, 'device-1');
    const gone = await activate(server, license.licenseKey, 'device-2');
    await deactivate(server, { activationToken: gone.activationToken });
    const before = await rows(license);

    await suspended(license);

    expect(await statusOf(live.activation?.id)).toBe('SUSPENDED');
    expect(await statusOf(gone.activation?.id)).toBe('DEACTIVATED');
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
    expect(await listed({ status: ['SUSPENDED'] })).toEqual([
      { id: live.activation?.id, status: 'SUSPENDED' },
    ]);
    expect(await listed({ status: ['ACTIVE'] })).toEqual([]);
    await actOn(server, shop.admin, 'reinstateLicense', { licenseId: license.id });
    expect(await rows(license)).toEqual(before);
    expect(await statusOf(live.activation?.id)).toBe('ACTIVE');
    expect((await heartbeat(server, live.activationToken)).errors).toEqual([]);
  });

  test('so does the end of grace, and renewal brings them back', async () => {
    const license = await createLicense(server, shop, {
      expiryDate: addDays(START, 10),
      gracePeriodDays: 5,
    });
    const { activation, activationToken } = await activate(server, license.licenseKey, 'device-1');
    const before = await rows(license);

    server.now = addMillis(addDays(START, 15), -1);
    expect(await statusOf(activation?.id)).toBe('ACTIVE');
    server.pass(1);
    expect(await statusOf(activation?.id)).toBe('SUSPENDED');
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
    await actOn(server, shop.admin, 'renewLicense', { licenseId: license.id, durationMonths: 1 });

    expect(await rows(license)).toEqual(before);
    expect(await statusOf(activation?.id)).toBe('ACTIVE');
    expect((await heartbeat(server, activationToken)).errors).toEqual([]);
  });
});

interface Fate {
  readonly status: string;
  readonly expiryDate: Instant | null;
  readonly gracePeriodDays: number | null;
  readonly activation: string;
  readonly expiresAt: Instant | null;
}

const moments = [-40, -30, -1, 0, 1, 30].flatMap((days) => [
  addDays(START, days),
  addMillis(addDays(START, days), 1),
]);
const fates: fc.Arbitrary<Fate[]> = fc.array(
  fc.record({
    status: fc.constantFrom('ACTIVE', 'INACTIVE', 'EXPIRED', 'SUSPENDED', 'REVOKED', 'PENDING'),
    expiryDate: fc.option(fc.constantFrom(...moments)),
    gracePeriodDays: fc.constantFrom(null, 0, 30, 40),
    activation: fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'DEACTIVATED', 'SUSPENDED', 'EXPIRED'),
    expiresAt: fc.option(fc.constantFrom(...moments)),
  }),
  { minLength: 8, maxLength: 8 },
);

/** Puts a license and its device into a state behind the server's back, so that every combination occurs. */
async function suffer(license: Issued, fate: Fate): Promise<void> {
  await server.sql`update licenses set status = ${fate.status}, expiry_date = ${fate.expiryDate},
    suspension_cause = ${fate.status === 'SUSPENDED' ? 'MANUAL' : null}, grace_period_days = ${fate.gracePeriodDays}
    where id = ${license.id}`;
  await server.sql`update license_activations set status = ${fate.activation}, expires_at = ${fate.expiresAt}
    where license_id = ${license.id}`;
}

test('the status filter finds what reads that status, at any instant', async () => {
  const licenses: Issued[] = [];
  for (let index = 0; index < 8; index += 1) {
    const license = await createLicense(server, shop);
    await activate(server, license.licenseKey, `device-${index}`);
    licenses.push(license);
  }

  await fc.assert(
    fc.asyncProperty(fates, fc.constantFrom(...moments), async (all, now) => {
      server.now = now;
      await Promise.all(licenses.map((license, index) => suffer(license, all[index] as Fate)));

      const read = await listed({});
      for (const status of activationStatuses) {
        const found = await listed({ status: [status] });
        expect(found).toEqual(read.filter((each) => String(each.status) === status));
      }
      expect(await listed({ status: ['ACTIVE', 'DEACTIVATED', 'SUSPENDED', 'EXPIRED'] })).toEqual(read);
    }),
    { numRuns: 15 },
  );
});

describe('the list of activations', () => {
  test('filters by license, and by a fingerprint given as it is', async () => {
    const [one, two] = [await createLicense(server, shop), await createLicense(server, shop)];
    const laptop = await activate(server, one.licenseKey, 'laptop');
    const same = await activate(server, two.licenseKey, 'laptop');

    const ids = async (filter: object) => (await listed(filter, 'id')).map(({ id }) => id);
    expect(await ids({ licenseId: one.id })).toEqual([laptop.activation?.id]);
    expect(await ids({ deviceFingerprint: 'laptop', licenseId: two.id })).toEqual([same.activation?.id]);
    expect((await ids({ deviceFingerprint: 'laptop' })).length).toBe(2);
    expect(await ids({ deviceFingerprint: 'LAPTOP' })).toEqual([]);
    expect(await ids({ licenseId: randomUUID() })).toEqual([]);
    expect(await ids({ status: [] })).toEqual([]);
  });

  test('has the newest first, and goes on behind a cursor', async () => {
    const license = await createLicense(server, shop, { maxActivations: 5 });
    const made: unknown[] = [];
    for (const device of ['a', 'b', 'c', 'd', 'e']) {
      made.unshift((await activate(server, license.licenseKey, device)).activation?.id);
      if (device !== 'c') server.pass(1);
    }

    const seen: unknown[] = [];
    let after: unknown = null;
    for (let page = 0; page < 3; page += 1) {
      const data = await server.ok(
        'query ($after: String) { activations(first: 2, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }',
        { after },
        shop.admin,
      );
      seen.push(...nodesIn(data.activations).map(({ id }) => id));
      after = data.activations?.pageInfo?.endCursor;
      expect(data.activations?.pageInfo?.hasNextPage).toBe(page < 2);
    }

    expect(seen).toEqual(made);
  });

  test('shows each caller its own part: a customer, another tenant, nobody', async () => {
    const other = await createCustomer(server, shop.admin, 'Bo');
    const mine = await createLicense(server, shop, { customerId: shop.customerId });
    const theirs = await createLicense(server, shop, { customerId: other });
    const own = await activate(server, mine.licenseKey, 'mine');
    await activate(server, theirs.licenseKey, 'theirs');
    const customer: Claims = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: shop.customerId,
    };

    expect(await listed({}, 'id', customer)).toEqual([{ id: own.activation?.id }]);
    expect(await listed({ licenseId: theirs.id }, 'id', customer)).toEqual([]);
    expect(await listed({}, 'id', await server.tenant())).toEqual([]);
    expect(await listed({}, 'id')).toHaveLength(2);
    expect((await server.graphql('{ activations { nodes { id } } }')).code).toBe('UNAUTHENTICATED');
    const noOne = { tenant_id: shop.admin.tenant_id, roles: [] };
    expect((await server.graphql('{ activations { nodes { id } } }', {}, noOne)).code).toBe('FORBIDDEN');
  });

  test('shows address and place to those who may see personal data only', async () => {
    const license = await createLicense(server, shop, { customerId: shop.customerId });
    const location = { country: 'DE', timezone: 'Europe/Berlin', city: 'Ulm' };
    await activate(server, license.licenseKey, 'device', { location });
    const customer: Claims = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: shop.customerId,
    };
    const query = '{ activations { nodes { status ipAddress location { country city region timezone } } } }';

    const open = await server.ok(query, {}, shop.admin);
    const closed = await server.graphql(query, {}, customer);

    expect(nodesIn(open.activations)).toEqual([
      { status: 'ACTIVE', ipAddress: '127.0.0.1', location: { ...location, region: null } },
    ]);
    expect(closed.errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    expect(nodesIn(closed.data?.activations)).toEqual([
      { status: 'ACTIVE', ipAddress: null, location: null },
    ]);
  });
});

test('looking at activations at any time writes nothing', async () => {
  const license = await createLicense(server, shop, {
    licenseType: 'CONCURRENT',
    expiryDate: addDays(START, 1),
  });
  await activate(server, license.licenseKey, 'device');
  const before = await tablesOf(server, shop.admin.tenant_id);
  server.pass(60 * DAY_MILLIS);

  await listed(
    { status: ['SUSPENDED'] },
    'id status license { status currentActivations } events { nodes { type } }',
  );

  expect(await tablesOf(server, shop.admin.tenant_id)).toEqual(before);
  expect((await tryActivate(server, license.licenseKey, 'device')).code).toBe('LICENSE_SUSPENDED');
});

test('the events of activations are found by an index, also in a long log', async () => {
  const license = await createLicense(server, shop, { maxActivations: 2 });
  const first = await activate(server, license.licenseKey, 'd1');
  await activate(server, license.licenseKey, 'd2');
  await deactivate(server, { activationToken: first.activationToken });
  await server.sql`insert into license_event_logs
    (tenant_id, id, event_type, subject_id, license_id, activation_id, metadata, created_at)
    select tenant_id, gen_random_uuid(), event_type, gen_random_uuid(), license_id, gen_random_uuid(), metadata, created_at
    from license_event_logs, generate_series(1, 5000) where subject_id = ${license.id}`;
  await server.sql`analyze license_event_logs`;
  server.statements.length = 0;

  const nodes = await listed({ licenseId: license.id }, 'events { nodes { type } }');

  const types = nodes.map(({ events }) => nodesIn(events).map(({ type }) => type));
  expect(types).toEqual([['activation.created'], ['activation.deactivated', 'activation.created']]);
  const [reads = ''] = server.statements.filter((text) => text.includes('"license_event_logs"'));
  const plan = await server.sql.unsafe(`explain (generic_plan) ${reads}`);
  expect(plan.map((line) => String(line['QUERY PLAN'])).join('\n')).toContain('ix_license_events_subject');
});
