import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventsDuring, inRole, mutation, refusedAct } from '../support/acts.js';
import { deactivate, tryActivate, validateKey } from '../support/devices.js';
import { activate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { blacklistDevice } from '../support/guarding.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

const DAY = 86_400_000;
const facts = {
  user: 'ada@example.com',
  machineName: 'Adas-MacBook',
  hardwareId: 'HW-1',
  macAddress: '02:00:00:00:00:01',
  userAgent: 'Radar/3',
  operatingSystem: 'macOS',
  location: { country: 'DE', timezone: 'Europe/Berlin' },
  metadata: { owner: 'Ada' },
};
const FORGET = mutation('forgetDevice', 'forgottenActivations keptActivations');

async function rowsOf(licenseId: string) {
  return server.sql`select status, device_fingerprint as device, user_ref as "user", hardware_id as hardware,
      mac_address as mac, machine_name as machine, ip_address as address, operating_system as system,
      user_agent as agent, location, metadata, reported_at as reported
    from license_activations where license_id = ${licenseId} order by activated_at, id`;
}

async function sweep(personalDataDays = 180): Promise<unknown> {
  const swept = await server.jobs.run('activation.erase_personal_data', {
    LG_PERSONAL_DATA_DAYS: personalDataDays,
  });
  return swept.activations;
}

test('address and place are erased after the retention, of a device that lives too, which stays valid', async () => {
  const start = server.now;
  await sweep();
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'laptop', facts);

  server.pass(180 * DAY);
  const early = await sweep();
  server.pass(1);
  const late = await sweep();
  const again = await sweep();

  const [row] = await rowsOf(license.id);
  expect([early, late, again]).toEqual([0, 1, 0]);
  expect(row).toMatchObject({
    address: null,
    location: null,
    agent: null,
    reported: null,
    status: 'ACTIVE',
    machine: 'Adas-MacBook',
  });
  expect(
    await validateKey(server, license.licenseKey, { deviceFingerprint: 'laptop', user: facts.user }),
  ).toMatchObject({ valid: true });
  await activate(server, license.licenseKey, 'laptop', facts);
  expect((await rowsOf(license.id))[0]).toMatchObject({ agent: 'Radar/3' });
  server.now = start;
});

test('a country that is seen after the erasure is erased in its turn, of a device that lives', async () => {
  const license = await issueLicense(server, shop);
  const start = server.now;
  const { activationToken } = await activate(server, license.licenseKey, 'walker', facts);
  const seenIn = async () => {
    const rows =
      await server.sql`select seen_country from license_activations where license_id = ${license.id}`;
    return rows[0]?.seen_country;
  };
  const lookFrom = (country: string) =>
    server.ok(
      `query ($activationToken: String!, $location: ActivationLocationInput) {
        validateActivation(activationToken: $activationToken, location: $location) { code } }`,
      { activationToken, location: { country, timezone: 'UTC' } },
    );
  const eraseLater = async () => {
    server.pass(181 * DAY);
    await sweep();
    return seenIn();
  };

  const first = await eraseLater();
  await lookFrom('FR');
  await expect.poll(seenIn).toBe('FR');

  expect([first, await eraseLater()]).toEqual([null, null]);
  server.now = start;
});

test('who used what stands in the archive is erased so long after it ended, and what it counted is kept', async () => {
  const start = server.now;
  const license = await issueLicense(server, shop);
  const { activation } = await activate(server, license.licenseKey, 'old', facts);
  await deactivate(server, { activationId: activation?.id }, shop.admin);
  server.pass(91 * DAY);
  await server.jobs.run('activation.archive');
  const named = async () => {
    const [row] =
      await server.sql`select user_ref, machine_name, metadata, device_fingerprint like 'forgotten%' as forgotten
      from archived_activations where license_id = ${license.id}`;
    return row;
  };

  server.pass(89 * DAY);
  await sweep();
  const kept = await named();
  server.pass(1);
  await sweep();

  expect(kept).toMatchObject({ user_ref: 'ada@example.com', machine_name: 'Adas-MacBook' });
  expect(await named()).toEqual({ user_ref: null, machine_name: null, metadata: {}, forgotten: false });
  server.now = start;
});

test("a tenant's own retention goes before the deployment's, in as many batches as it takes", async () => {
  const start = server.now;
  await sweep();
  const [short, long] = [shop, await openShop(server)];
  await server.sql`update tenants set settings = settings || '{"retention": {"personal_data_days": 7}}' where id = ${short.admin.tenant_id}`;
  const licenses = [await issueLicense(server, short), await issueLicense(server, long)];
  for (const { licenseKey } of licenses) await activate(server, licenseKey, 'laptop', facts);
  await server.sql`insert into license_activations
    select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()::text, 'device_fingerprint', n::text,
      'activation_token_hash', n::text, 'status', 'DEACTIVATED'))).*
    from license_activations a, generate_series(1, 1500) n where a.license_id = ${licenses[0]?.id ?? ''}`;

  server.pass(8 * DAY);
  const swept = await sweep();

  expect(swept).toBe(1501);
  expect((await rowsOf(licenses[1]?.id ?? ''))[0]).toMatchObject({ agent: 'Radar/3' });
  server.now = start;
});

test('a row that somebody changes at the moment is left for the next look', async () => {
  const start = server.now;
  await sweep();
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'laptop', facts);
  server.pass(181 * DAY);
  const holder = await server.sql.reserve();
  await holder`begin`;
  await holder`select from license_activations where license_id = ${license.id} for update`;

  const agent = async () => (await rowsOf(license.id))[0]?.agent;
  await sweep();
  const held = await agent();
  await holder`rollback`;
  holder.release();
  await sweep();

  expect([held, await agent()]).toEqual(['Radar/3', null]);
  server.now = start;
});

test('a device is forgotten: what ended tells nothing of it, what lives keeps what holds its seat', async () => {
  const [ended, living] = [await issueLicense(server, shop), await issueLicense(server, shop)];
  const { activationToken } = await activate(server, ended.licenseKey, 'laptop', facts);
  await deactivate(server, { activationToken });
  await activate(server, living.licenseKey, 'laptop', facts);
  await activate(server, living.licenseKey, 'other', facts);

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    const data = await server.ok(FORGET, { input: { deviceFingerprint: 'laptop' } }, shop.admin);
    expect(data.forgetDevice).toEqual({ forgottenActivations: 1, keptActivations: 1 });
  });

  const nothing = {
    machine: null,
    address: null,
    system: null,
    agent: null,
    location: null,
    metadata: {},
    reported: null,
  };
  const [gone] = await rowsOf(ended.id);
  const [kept, other] = await rowsOf(living.id);
  expect(gone).toMatchObject({ ...nothing, user: null, hardware: null, mac: null });
  expect(String(gone?.device)).toMatch(/^forgotten\./);
  expect(kept).toMatchObject({ ...nothing, user: facts.user });
  expect(String(kept?.device)).toMatch(/^k1\./);
  expect(other).toMatchObject({ machine: 'Adas-MacBook' });
  expect(
    await validateKey(server, living.licenseKey, { deviceFingerprint: 'laptop', user: facts.user }),
  ).toMatchObject({ valid: true });
  expect(events.map(({ type, data }) => [type, data])).toEqual([
    ['device.forgotten', { forgotten: 1, kept: 1 }],
  ]);
});

test('a device that is shut out stays so when it is forgotten; one that nobody knows leaves no event', async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'stolen', facts);
  await blacklistDevice(server, shop.admin, 'stolen');
  const forget = (deviceFingerprint: string) =>
    server.ok(FORGET, { input: { deviceFingerprint } }, shop.admin);

  const first = await forget('stolen');
  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    await forget('stolen');
    await forget('never seen');
  });

  expect(first.forgetDevice).toEqual({ forgottenActivations: 1, keptActivations: 0 });
  expect(events).toEqual([]);
  expect((await tryActivate(server, license.licenseKey, 'stolen')).code).toBe('DEVICE_BLACKLISTED');
});

test("is the vendor's to do, of its own devices", async () => {
  const theirs = await openShop(server);
  const { activation } = await activate(
    server,
    (await issueLicense(server, theirs)).licenseKey,
    'laptop',
    facts,
  );

  for (const role of ['auditor', 'support', 'customer', 'reseller'] as const)
    await refusedAct(
      server,
      inRole(shop.admin, role),
      'forgetDevice',
      { deviceFingerprint: 'x' },
      'FORBIDDEN',
    );
  await refusedAct(
    server,
    shop.admin,
    'forgetDevice',
    { activationId: activation?.id },
    'ACTIVATION_NOT_FOUND',
  );
});
