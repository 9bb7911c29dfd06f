import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listIn, mutation } from '../support/acts.js';
import { activate, createCustomer, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';
import { keeperOf, sealAllEvents, type TestKeeper } from '../support/trail.js';

let server: TestServer;
let shop: Shop;
let keeper: TestKeeper;
beforeAll(async () => {
  server = await startTestServer();
  keeper = keeperOf(server);
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(async () => {
  await keeper.stop();
  await server.stop();
});

const DAY = 86_400_000;
const ADDRESS = '127.0.0.1';
const EVENTS = `query ($types: [String!]) {
  events(first: 50, filter: { types: $types }) { nodes { id type data personal } } }`;
const VERIFY = '{ verifyAuditTrail { verified from to coveredTo broken { problem sequence } } }';

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly personal: Record<string, unknown> | null;
}

async function told(...types: string[]): Promise<readonly Told[]> {
  return listIn<Told>(
    (await server.ok(EVENTS, types.length === 0 ? {} : { types }, shop.admin)).events?.nodes,
  );
}

const personalOf = async (type: string): Promise<unknown> =>
  (await told(type)).map(({ personal }) => personal);
const verify = async (): Promise<Json | undefined> =>
  (await server.ok(VERIFY, {}, shop.admin)).verifyAuditTrail;
const act = (name: string, input: object) => server.ok(mutation(name, '__typename'), { input }, shop.admin);
const facts = {
  user: 'ada@example.com',
  machineName: 'Adas-MacBook',
  userAgent: 'Radar/3',
  location: { country: 'DE', timezone: 'Europe/Berlin' },
};

test('an event tells the address that it came from, and the names and places, apart from its data', async () => {
  const license = await issueLicense(server, shop, { issuedTo: 'Ada Okafor' });
  await activate(server, license.licenseKey, 'laptop', facts);

  expect(await personalOf('customer.created')).toEqual([
    { address: ADDRESS, name: 'Ada Okafor', email: null },
  ]);
  expect(await personalOf('license.created')).toEqual([{ address: ADDRESS, issued_to: 'Ada Okafor' }]);
  expect(await personalOf('activation.created')).toMatchObject([
    {
      address: ADDRESS,
      user: 'ada@example.com',
      machine_name: 'Adas-MacBook',
      user_agent: 'Radar/3',
      location: { country: 'DE', timezone: 'Europe/Berlin' },
    },
  ]);
  const logged = JSON.stringify(
    await server.sql`select * from license_event_logs where tenant_id = ${shop.admin.tenant_id}`,
  );
  for (const word of ['Ada', 'MacBook', 'Radar/3', 'Berlin', ADDRESS]) expect(logged).not.toContain(word);
});

test('a change tells what its members were and are, names apart', async () => {
  const license = await issueLicense(server, shop, { issuedTo: 'Ada' });
  await act('updateCustomer', { customerId: shop.customerId, name: 'Grace', status: 'INACTIVE' });
  await act('updateLicense', { licenseId: license.id, issuedTo: 'Grace', maxActivations: 7 });
  await act('updateProduct', { productId: shop.productId, description: 'Deeper' });
  await act('updateTemplate', { templateId: shop.templateId, gracePeriodDays: 5 });

  const [template, product, changed, customer] = await told(
    'customer.updated',
    'license.updated',
    'product.updated',
    'template.updated',
  );

  expect(customer?.data).toEqual({
    changed: ['name', 'status'],
    before: { status: 'ACTIVE' },
    after: { status: 'INACTIVE' },
  });
  expect(customer?.personal).toEqual({
    address: ADDRESS,
    before: { name: 'Ada Okafor' },
    after: { name: 'Grace' },
  });
  expect(changed?.data).toEqual({
    changed: ['issuedTo', 'maxActivations'],
    before: { maxActivations: 5 },
    after: { maxActivations: 7 },
  });
  expect(changed?.personal).toMatchObject({ before: { issuedTo: 'Ada' }, after: { issuedTo: 'Grace' } });
  expect(product?.data).toEqual({
    changed: ['description'],
    before: { description: '' },
    after: { description: 'Deeper' },
  });
  expect(template?.data).toEqual({
    changed: ['gracePeriodDays'],
    before: { gracePeriodDays: 30 },
    after: { gracePeriodDays: 5 },
    version: 2,
  });
});

test('what is personal is erased after its time, and the trail verifies as before', async () => {
  const start = server.now;
  await issueLicense(server, shop);
  await sealAllEvents(server);

  server.pass(180 * DAY);
  await keeper.keep();
  const kept = await personalOf('license.created');
  server.pass(1);
  await keeper.keep();
  const erased = await told();
  await sealAllEvents(server);
  const verified = await verify();
  server.now = start;

  expect(kept).toEqual([{ address: ADDRESS, issued_to: 'Ada Okafor' }]);
  const old = erased.filter(({ type }) => type !== 'audit.checkpointed');
  expect(old.map(({ personal }) => personal)).toEqual([null, null, null, null]);
  expect(verified).toMatchObject({ verified: true, broken: null });
  const left =
    await server.sql`select salt, data from event_personal_data where tenant_id = ${shop.admin.tenant_id}`;
  expect(left.every(({ salt, data }) => salt === null && data === null)).toBe(true);
});

test("a device that is forgotten is forgotten by its events, and nobody else's", async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'laptop', facts);
  await activate(server, license.licenseKey, 'tower', { user: 'grace@example.com' });
  await sealAllEvents(server);

  await act('forgetDevice', { deviceFingerprint: 'laptop' });
  await sealAllEvents(server);

  const [tower, laptop] = await told('activation.created');
  expect(laptop?.personal).toBeNull();
  expect(tower?.personal).toMatchObject({ user: 'grace@example.com' });
  expect(await verify()).toMatchObject({ verified: true });
});

test('personal data that somebody edited are found', async () => {
  await sealAllEvents(server);
  await server.sql`update event_personal_data set data = data || '{"name":"Mallory"}'
    where tenant_id = ${shop.admin.tenant_id} and data ->> 'name' = 'Ada Okafor'`;

  expect(await verify()).toMatchObject({ verified: false, broken: { problem: 'EDITED', sequence: 3 } });
});

test('whoever may see events and not what is personal of them is refused that alone', async () => {
  const support = { ...shop.admin, roles: ['support'] as const };

  const answer = await server.graphql(EVENTS, { types: ['customer.created'] }, support);

  expect(answer.code).toBe('FORBIDDEN');
  expect(answer.data?.events?.nodes).toMatchObject([{ type: 'customer.created', personal: null }]);
});

test('events are listed by license, and with type, actor and time together', async () => {
  const [one, other] = [await issueLicense(server, shop), await issueLicense(server, shop)];
  await activate(server, one.licenseKey, 'laptop');
  const list = async (filter: object) => {
    const query = 'query ($filter: EventFilter) { events(filter: $filter) { nodes { type licenseId } } }';
    return listIn<{ type: string; licenseId: string }>(
      (await server.ok(query, { filter }, shop.admin)).events?.nodes,
    );
  };

  const ofOne = await list({ licenseId: one.id });
  const narrow = {
    licenseId: one.id,
    types: ['license.created'],
    actor: 'tester',
    from: server.now,
    to: server.now,
  };

  expect(new Set(ofOne.map(({ licenseId }) => licenseId))).toEqual(new Set([one.id]));
  expect(ofOne.map(({ type }) => type).toSorted()).toEqual(['activation.created', 'license.created']);
  expect(await list(narrow)).toEqual([{ type: 'license.created', licenseId: one.id }]);
  expect(await list({ ...narrow, actor: 'somebody' })).toEqual([]);
  expect(await list({ licenseId: other.id })).toEqual([{ type: 'license.created', licenseId: other.id }]);
});

test('events are deleted that a tenant keeps no longer, behind a boundary that is signed, and the rest verifies', async () => {
  const start = server.now;
  const other = await openShop(server);
  await act('updateTenantSettings', { retention: { eventDays: 30 } });
  await sealAllEvents(server);
  server.pass(300_000);
  await keeper.keep();
  await sealAllEvents(server);
  server.pass(10 * DAY);
  await createCustomer(server, shop.admin, 'Later');
  await sealAllEvents(server);

  server.pass(21 * DAY);
  await keeper.keep();
  await sealAllEvents(server);
  const [head] =
    await server.sql`select kept_after::int as after from audit_heads where tenant_id = ${shop.admin.tenant_id}`;
  const rest = await told();
  const verified = await verify();
  const others = await server.count('license_event_logs', `tenant_id = '${other.admin.tenant_id}'`);
  server.now = start;

  expect(head).toEqual({ after: 4 });
  expect(rest.map(({ type }) => type)).toEqual([
    'audit.checkpointed',
    'customer.created',
    'audit.checkpointed',
  ]);
  expect(verified).toMatchObject({ verified: true, from: 5, to: 7, broken: null });
  expect(others).toBeGreaterThanOrEqual(3);
  expect(await server.count('event_personal_data', `tenant_id = '${shop.admin.tenant_id}'`)).toBe(1);
});

test('a boundary that nobody has signed is a beginning that was cut', async () => {
  await sealAllEvents(server);
  const tenant = shop.admin.tenant_id;
  await server.sql`update audit_heads set kept_after = 1, boundary_token = 'x',
    kept_after_hash = (select hash from audit_seals where tenant_id = ${tenant} and sequence = 1) where tenant_id = ${tenant}`;
  await server.sql`delete from license_event_logs where tenant_id = ${tenant}
    and id = (select event_id from audit_seals where tenant_id = ${tenant} and sequence = 1)`;
  await server.sql`delete from audit_seals where tenant_id = ${tenant} and sequence = 1`;

  expect(await verify()).toMatchObject({ verified: false, broken: { problem: 'DELETED', sequence: 1 } });
});
