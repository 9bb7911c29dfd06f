import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let license: { id: string; licenseKey: string };
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  server.now = START;
  shop = await openShop(server);
  license = await createLicense(server, shop, { maxActivations: 2, maxDeactivationsPerYear: 1 });
});
afterAll(() => server.stop());

interface Device {
  readonly id: string;
  readonly activationToken: string;
}

async function device(deviceFingerprint: string): Promise<Device> {
  const answer = await activate(server, license.licenseKey, deviceFingerprint, {
    machineName: deviceFingerprint,
  });
  return { id: String(answer.activation?.id), activationToken: String(answer.activationToken) };
}

const END = mutation('deactivateActivation', 'activation { id status deactivatedAt archivedAt }');
const end = (activationId: string) => server.graphql(END, { input: { activationId } }, shop.admin);
const archive = async () => (await server.jobs.run('activation.archive')).activations;

const LISTS = `query ($id: ID!) {
  live: activations(filter: { licenseId: $id }) { totalCount nodes { id } }
  archived: activations(filter: { licenseId: $id, archived: true }) { totalCount nodes { id machineName status archivedAt } }
  license(id: $id) { currentActivations activations { nodes { id } } archivedActivations { nodes { id } } }
}`;

test('what ended more than 90 days ago moves to the archive, once, and is found by whoever asks', async () => {
  const [old, live] = [await device('old'), await device('live')];
  await end(old.id);
  server.now = addDays(START, 90);
  const early = await archive();
  server.pass(1);

  const [late, again] = [await archive(), await archive()];

  expect([early, late, again]).toEqual([0, 1, 0]);
  const data = await server.ok(LISTS, { id: license.id }, shop.admin);
  expect(data).toEqual({
    live: { totalCount: 1, nodes: [{ id: live.id }] },
    archived: {
      totalCount: 1,
      nodes: [{ id: old.id, machineName: 'old', status: 'DEACTIVATED', archivedAt: server.now }],
    },
    license: {
      currentActivations: 1,
      activations: { nodes: [{ id: live.id }] },
      archivedActivations: { nodes: [{ id: old.id }] },
    },
  });
  const one = await server.ok(
    'query ($id: ID!) { activation(id: $id) { id status } }',
    { id: old.id },
    shop.admin,
  );
  expect(one).toEqual({ activation: { id: old.id, status: 'DEACTIVATED' } });
});

test('an archived activation is ended again without effect, its token says that it has ended, its allowance is spent', async () => {
  const old = await device('old');
  await end(old.id);
  server.now = addDays(START, 91);
  await archive();
  const events = await server.count('license_event_logs');

  const again = await end(old.id);
  const verdict = await server.ok(
    'query ($token: String!) { validateActivation(activationToken: $token) { valid code } }',
    { token: old.activationToken },
  );
  const next = await device('next');
  const refused = await end(next.id);

  expect(again.data).toEqual({
    deactivateActivation: {
      activation: { id: old.id, status: 'DEACTIVATED', deactivatedAt: START, archivedAt: server.now },
    },
  });
  expect(await server.count('license_event_logs', `activation_id = '${old.id}'`)).toBeLessThanOrEqual(events);
  expect(verdict).toEqual({ validateActivation: { valid: false, code: 'ACTIVATION_DEACTIVATED' } });
  expect(refused.errors).toHaveLength(1);
});

test('the archive shows a caller what the list of those that live would', async () => {
  const old = await device('old');
  await end(old.id);
  server.now = addDays(START, 91);
  await archive();
  const other = await openShop(server);
  const query = '{ activations(filter: { archived: true }) { nodes { id } } }';

  const theirs = await server.ok(query, {}, other.admin);
  const strange = await server.ok(
    query,
    {},
    { tenant_id: shop.admin.tenant_id, roles: ['customer'], customer_id: shop.customerId },
  );

  expect([theirs, strange]).toEqual([{ activations: { nodes: [] } }, { activations: { nodes: [] } }]);
  expect(await server.ok(query, {}, shop.admin)).toEqual({ activations: { nodes: [{ id: old.id }] } });
});

test('a device that is forgotten is forgotten in the archive too', async () => {
  const old = await device('old');
  await end(old.id);
  server.now = addDays(START, 91);
  await archive();

  const data = await server.ok(
    mutation('forgetDevice', 'forgottenActivations keptActivations'),
    { input: { deviceFingerprint: 'old' } },
    shop.admin,
  );

  expect(data.forgetDevice).toEqual({ forgottenActivations: 1, keptActivations: 0 });
  const [row] =
    await server.sql`select machine_name, device_fingerprint from archived_activations where id = ${old.id}`;
  expect({ ...row }).toEqual({ machine_name: null, device_fingerprint: `forgotten.${old.id}` });
});

test('seats that time has freed are written down, and counted as they were', async () => {
  const floating = await createLicense(server, shop, { licenseType: 'CONCURRENT', maxActivations: 3 });
  for (const name of ['a', 'b']) await activate(server, floating.licenseKey, name);
  server.pass(800_000);
  await activate(server, floating.licenseKey, 'c');
  server.pass(100_000 + 600_000);
  const row = () =>
    server.sql`select current_activations::int as seats, seats_until is null as "isOver",
      (select count(*)::int from license_activations as a where a.license_id = licenses.id and seat_freed_at is not null) as freed
      from licenses where id = ${floating.id}`;

  const culled = [await server.jobs.run('lease.cull'), await server.jobs.run('lease.cull')];
  const after = [...(await row())];
  server.pass(3_600_000);
  await server.jobs.run('lease.cull');

  expect(culled).toEqual([{ licenses: 1 }, { licenses: 0 }]);
  expect(after).toEqual([{ seats: 1, isOver: false, freed: 2 }]);
  expect([...(await row())]).toEqual([{ seats: 0, isOver: true, freed: 3 }]);
});
