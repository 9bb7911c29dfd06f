import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsDuring, inRole, mutation, refused, refusedAct, refusedFields } from '../support/acts.js';
import {
  deactivate,
  heartbeat,
  seatsOf,
  tryActivate,
  validateKey,
  validateToken,
} from '../support/devices.js';
import { activate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { blacklistDevice } from '../support/guarding.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let beside: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  beside = await startTestServer({ beside: server });
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(async () => {
  await beside.stop();
  await server.stop();
});

const BLACKLIST = mutation('blacklistDevice', 'device { id reason createdBy liftedAt } endedActivations');
const UNBLACKLIST = mutation('unblacklistDevice', 'device { id liftedAt liftedBy }');
const LIST = `query ($first: Int! = 20, $after: String, $filter: BlacklistedDeviceFilter) {
  blacklistedDevices(first: $first, after: $after, filter: $filter) {
    nodes { id reason deviceFingerprint liftedAt } totalCount pageInfo { hasNextPage endCursor } } }`;

const living = (tenant: string) =>
  server.count('license_activations', `tenant_id = '${tenant}' and status = 'ACTIVE'`);

describe('a device that is shut out', () => {
  test('loses what it has on every license of the tenant, in one transaction, and each license its seat', async () => {
    const [one, other] = [await issueLicense(server, shop), await issueLicense(server, shop)];
    for (const { licenseKey } of [one, other]) {
      await activate(server, licenseKey, 'stolen');
      await activate(server, licenseKey, 'laptop');
    }
    const input = { deviceFingerprint: 'stolen', reason: 'left on a train' };

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const data = await server.ok(BLACKLIST, { input }, shop.admin);
      expect(data.blacklistDevice).toMatchObject({
        device: { reason: 'left on a train', createdBy: 'tester', liftedAt: null },
        endedActivations: 2,
      });
    });

    expect(events.map(({ type, data }) => [type, data.reason])).toEqual([
      ['activation.deactivated', 'Device blacklisted'],
      ['activation.deactivated', 'Device blacklisted'],
      ['device.blacklisted', 'left on a train'],
    ]);
    expect(new Set(events.map(({ licenseId }) => licenseId))).toEqual(new Set([one.id, other.id, null]));
    for (const license of [one, other])
      expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  });

  test('is refused everywhere from then on, and its tokens are dead on every server', async () => {
    const license = await issueLicense(server, shop);
    const { activationToken } = await activate(server, license.licenseKey, 'stolen');
    await blacklistDevice(server, shop.admin, 'stolen');
    const headers = { authorization: `Activation ${activationToken}` };

    const again = await refused(server, shop.admin, 'DEVICE_BLACKLISTED', () =>
      tryActivate(beside, license.licenseKey, 'stolen'),
    );
    const beat = await refused(server, shop.admin, 'DEVICE_BLACKLISTED', () =>
      heartbeat(beside, activationToken),
    );
    const shown = await beside.graphql('{ licenses { totalCount } }', {}, undefined, headers);

    expect([again.extensions.verdict, beat.extensions.verdict]).toEqual([
      'DEVICE_BLACKLISTED',
      'DEVICE_BLACKLISTED',
    ]);
    expect(beat.extensions.remedy).toBe('Ask the vendor to take the device off the blacklist.');
    expect(await validateKey(beside, license.licenseKey, { deviceFingerprint: 'stolen' })).toEqual({
      valid: false,
      code: 'DEVICE_BLACKLISTED',
      reasons: ['DEVICE_BLACKLISTED', 'NOT_ACTIVATED'],
    });
    expect(await validateToken(beside, activationToken)).toEqual({
      valid: false,
      code: 'DEVICE_BLACKLISTED',
      reasons: ['DEVICE_BLACKLISTED', 'ACTIVATION_DEACTIVATED'],
    });
    expect([shown.status, shown.code]).toEqual([401, 'APPLICATION_UNKNOWN']);
    expect(await validateKey(server, license.licenseKey)).toMatchObject({ code: 'VALID' });
  });

  test('is refused as shut out with the token of another device, which goes on', async () => {
    const license = await issueLicense(server, shop);
    const { activationToken } = await activate(server, license.licenseKey, 'mine');
    await blacklistDevice(server, shop.admin, 'copier');
    const shown = (deviceFingerprint: string) =>
      validateToken(server, activationToken, { deviceFingerprint });

    expect(await shown('copier')).toEqual({
      valid: false,
      code: 'DEVICE_BLACKLISTED',
      reasons: ['DEVICE_BLACKLISTED', 'FINGERPRINT_MISMATCH'],
    });
    expect(await shown('neighbour')).toMatchObject({ reasons: ['FINGERPRINT_MISMATCH'] });
    expect(await shown('mine')).toMatchObject({ code: 'VALID' });
  });

  test('is another tenant’s ordinary device', async () => {
    const theirs = await openShop(server);
    const { licenseKey } = await issueLicense(server, theirs);
    await activate(server, licenseKey, 'stolen');

    await blacklistDevice(server, shop.admin, 'stolen');

    expect(await living(theirs.admin.tenant_id)).toBe(1);
    expect(await validateKey(server, licenseKey, { deviceFingerprint: 'stolen' })).toMatchObject({
      code: 'VALID',
    });
  });

  test('is named by an activation as well, and is the same device', async () => {
    const license = await issueLicense(server, shop);
    const { activation } = await activate(server, license.licenseKey, 'stolen');
    const input = { activationId: activation?.id, reason: 'x' };

    const data = await server.ok(BLACKLIST, { input }, shop.admin);
    const again = await server.ok(
      BLACKLIST,
      { input: { deviceFingerprint: 'stolen', reason: 'y' } },
      shop.admin,
    );

    expect(data.blacklistDevice?.endedActivations).toBe(1);
    expect(again.blacklistDevice).toMatchObject({
      device: { ...data.blacklistDevice?.device },
      endedActivations: 0,
    });
    expect((await tryActivate(server, license.licenseKey, 'stolen')).code).toBe('DEVICE_BLACKLISTED');
  });

  test('is none that was forgotten: of an activation that tells nothing more of it nobody is shut out', async () => {
    const { licenseKey } = await issueLicense(server, shop);
    const { activation, activationToken } = await activate(server, licenseKey, 'sold');
    await deactivate(server, { activationToken });
    const forget = () =>
      server.ok(
        mutation('forgetDevice', 'forgottenActivations'),
        { input: { activationId: activation?.id } },
        shop.admin,
      );

    const [first, second] = [await forget(), await forget()];
    const input = { activationId: activation?.id, reason: 'x' };

    expect([first.forgetDevice, second.forgetDevice]).toEqual([
      { forgottenActivations: 1 },
      { forgottenActivations: 0 },
    ]);
    await refusedAct(server, shop.admin, 'blacklistDevice', input, 'INVALID_INPUT');
  });

  test('is found under every pepper of the ring', async () => {
    const { peppers } = server.keys;
    const keys = { ...server.keys, peppers: [{ id: 'k2', bytes: randomBytes(32) }, ...peppers] };
    const rotated = await startTestServer({ beside: server, keys });
    const license = await issueLicense(server, shop);
    await activate(server, license.licenseKey, 'old');
    await activate(rotated, license.licenseKey, 'new');

    for (const device of ['old', 'new']) await blacklistDevice(rotated, shop.admin, device);
    const codes = [];
    for (const on of [server, rotated])
      for (const device of ['old', 'new'])
        codes.push((await tryActivate(on, license.licenseKey, device)).code);
    await rotated.stop();

    expect(await living(shop.admin.tenant_id)).toBe(0);
    expect(codes).toEqual(codes.map(() => 'DEVICE_BLACKLISTED'));
  });

  test('stays shut out when the pepper is replaced under which it was', async () => {
    const license = await issueLicense(server, shop);
    await blacklistDevice(server, shop.admin, 'stolen');
    const { peppers } = server.keys;
    const keys = { ...server.keys, peppers: [{ id: 'k2', bytes: randomBytes(32) }, ...peppers] };
    const rotated = await startTestServer({ beside: server, keys });

    const again = await tryActivate(rotated, license.licenseKey, 'stolen');
    const asked = await validateKey(rotated, license.licenseKey, { deviceFingerprint: 'stolen' });
    await rotated.stop();

    expect([again.code, asked.code]).toEqual(['DEVICE_BLACKLISTED', 'DEVICE_BLACKLISTED']);
    expect(await living(shop.admin.tenant_id)).toBe(0);
  });

  test('named by what one activation keeps, is shut out under every pepper once its fingerprint is named', async () => {
    const { peppers } = server.keys;
    const keys = { ...server.keys, peppers: [{ id: 'k2', bytes: randomBytes(32) }, ...peppers] };
    const rotated = await startTestServer({ beside: server, keys });
    const [before, since] = [await issueLicense(server, shop), await issueLicense(server, shop)];
    const { activation } = await activate(server, before.licenseKey, 'stolen');
    await activate(rotated, since.licenseKey, 'stolen');
    const shutOut = async (named: object) =>
      (await rotated.ok(BLACKLIST, { input: { ...named, reason: 'x' } }, shop.admin)).blacklistDevice;

    const byActivation = await shutOut({ activationId: activation?.id });
    const byFingerprint = await shutOut({ deviceFingerprint: 'stolen' });
    const again = await shutOut({ deviceFingerprint: 'stolen' });
    await rotated.stop();

    expect([byActivation, byFingerprint, again].map((answer) => answer?.endedActivations)).toEqual([1, 1, 0]);
    expect(byFingerprint?.device?.id).toBe(byActivation?.device?.id);
    expect(await living(shop.admin.tenant_id)).toBe(0);
  });
});

test('activated on two servers while it is shut out, no activation of it lives, in 25 of 25 tries', async () => {
  const license = await issueLicense(server, shop, {});
  await server.sql`update licenses set max_activations = 1000 where id = ${license.id}`;
  const left: number[] = [];
  for (let round = 0; round < 25; round += 1) {
    const device = `device-${round}`;
    const input = { deviceFingerprint: device, reason: 'x' };
    await Promise.all([
      tryActivate(server, license.licenseKey, device),
      tryActivate(beside, license.licenseKey, device),
      (round % 2 === 0 ? server : beside).ok(BLACKLIST, { input }, shop.admin),
      tryActivate(beside, license.licenseKey, device),
      tryActivate(server, license.licenseKey, device),
    ]);
    left.push(await living(shop.admin.tenant_id));
  }

  expect(left).toEqual(left.map(() => 0));
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
});

describe('letting a device in again', () => {
  test('leaves what ended, and lets it activate anew', async () => {
    const license = await issueLicense(server, shop);
    await activate(server, license.licenseKey, 'found');
    const id = await blacklistDevice(server, shop.admin, 'found');

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const data = await server.ok(
        UNBLACKLIST,
        { input: { deviceFingerprint: 'found', reason: 'is back' } },
        shop.admin,
      );
      expect(data.unblacklistDevice?.device).toEqual({ id, liftedAt: server.now, liftedBy: 'tester' });
      await server.ok(UNBLACKLIST, { input: { id } }, shop.admin);
    });

    expect(events.map(({ type, subjectId, data }) => [type, subjectId, data.reason])).toEqual([
      ['device.unblacklisted', id, 'is back'],
    ]);
    expect(await living(shop.admin.tenant_id)).toBe(0);
    await activate(server, license.licenseKey, 'found');
    const again = await blacklistDevice(server, shop.admin, 'found');
    expect(again).not.toBe(id);
    expect(await living(shop.admin.tenant_id)).toBe(0);
  });

  test('is refused for a device that is not there', async () => {
    for (const input of [{ deviceFingerprint: 'never seen' }, { id: '00000000-0000-7000-8000-000000000000' }])
      await refusedAct(server, shop.admin, 'unblacklistDevice', input, 'BLACKLISTED_DEVICE_NOT_FOUND');
  });
});

describe('the list', () => {
  test('shows an entry once, pages by keyset, and finds a device by its fingerprint', async () => {
    const ids = [];
    for (const device of ['a', 'b', 'c']) {
      server.pass(1000);
      ids.unshift(await blacklistDevice(server, shop.admin, device));
    }
    await server.ok(UNBLACKLIST, { input: { deviceFingerprint: 'b' } }, shop.admin);
    const nodes = async (variables: object) => {
      const { blacklistedDevices } = await server.ok(LIST, variables, shop.admin);
      return blacklistedDevices;
    };

    const first = await nodes({ first: 2 });
    const second = await nodes({ first: 2, after: first?.pageInfo?.endCursor });
    const found = await nodes({ filter: { deviceFingerprint: 'b' } });
    const lifted = await nodes({ filter: { isLifted: true } });
    const shut = await nodes({ filter: { isLifted: false } });

    expect([first, second]).toMatchObject([
      { nodes: [{ id: ids[0] }, { id: ids[1] }], totalCount: 3, pageInfo: { hasNextPage: true } },
      { nodes: [{ id: ids[2] }], pageInfo: { hasNextPage: false } },
    ]);
    expect([found?.totalCount, lifted?.totalCount, shut?.totalCount]).toEqual([1, 1, 2]);
    expect(JSON.stringify(first)).toMatch(/"deviceFingerprint":"k1\.[\w-]{43}"/);
  });
});

describe('who may', () => {
  test('shut out and let in is the vendor’s, who sees the whole tenant', async () => {
    const input = { deviceFingerprint: 'laptop', reason: 'x' };
    const bound: Claims = {
      ...inRole(shop.admin, 'customer'),
      permissions: ['device.blacklist', 'device.unblacklist'],
    };

    for (const role of ['auditor', 'customer', 'reseller'] as const)
      await refusedAct(server, inRole(shop.admin, role), 'blacklistDevice', input, 'FORBIDDEN');
    await refusedAct(server, bound, 'blacklistDevice', input, 'FORBIDDEN');
    await refusedAct(server, bound, 'unblacklistDevice', { deviceFingerprint: 'laptop' }, 'FORBIDDEN');
    await refusedAct(
      server,
      inRole(shop.admin, 'support'),
      'unblacklistDevice',
      { deviceFingerprint: 'x' },
      'FORBIDDEN',
    );

    const data = await server.ok(BLACKLIST, { input }, inRole(shop.admin, 'support'));
    expect(data.blacklistDevice?.endedActivations).toBe(0);
  });

  test('a device is named in one way, and what is not seen is not there', async () => {
    const theirs = await openShop(server);
    const { licenseKey } = await issueLicense(server, theirs);
    const { activation } = await activate(server, licenseKey, 'laptop');
    const both = { deviceFingerprint: 'x', activationId: activation?.id, reason: 'x' };

    expect(await refusedFields(server, shop.admin, 'blacklistDevice', { reason: 'x' })).toEqual([
      'input.deviceFingerprint',
    ]);
    expect(await refusedFields(server, shop.admin, 'blacklistDevice', both)).toEqual([
      'input.deviceFingerprint',
    ]);
    expect(
      await refusedFields(server, shop.admin, 'blacklistDevice', { deviceFingerprint: 'x', reason: ' ' }),
    ).toEqual(['input.reason']);
    await refusedAct(
      server,
      shop.admin,
      'blacklistDevice',
      { activationId: activation?.id, reason: 'x' },
      'ACTIVATION_NOT_FOUND',
    );
  });

  test('no fingerprint stands anywhere but as a hash', async () => {
    const device = `secret-${randomBytes(8).toString('hex')}`;
    const license = await issueLicense(server, shop);
    await activate(server, license.licenseKey, device);
    await blacklistDevice(server, shop.admin, device);
    await tryActivate(server, license.licenseKey, device);

    const tables = [
      'device_blacklist',
      'license_activations',
      'license_event_logs',
      'idempotency_keys',
      'key_directory',
    ];
    for (const table of tables)
      expect([table, await server.count(table, `${table}::text like '%${device}%'`)]).toEqual([table, 0]);
    expect(server.logged.join('\n')).not.toContain(device);
  });
});
