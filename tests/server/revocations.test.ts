import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { keyRing } from '../../src/core/crypto.js';
import { openPool } from '../../src/core/db.js';
import { verifyLicenseFile } from '../../src/sdk/offline/licenseFile.js';
import { openRevocationList } from '../../src/sdk/offline/revocationList.js';
import { SigningKeys } from '../../src/server/signingKeys.js';
import { actOn, mutation } from '../support/acts.js';
import { borrow, deactivate, release } from '../support/devices.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { blacklistDevice } from '../support/guarding.js';
import { checkout, publishedKeys, revocationsOf } from '../support/offline.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

/** Lists are numbered by the second in which they are signed. */
const SECOND = Date.parse(START) / 1000;
let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  server.now = START;
  shop = await openShop(server);
});
afterAll(() => server.stop());

/** A license with a device and a file that is out. */
async function filed() {
  const license = await createLicense(server, shop, { expiryDate: addDays(START, 300), maxActivations: 5 });
  const { activation } = await activate(server, license.licenseKey, 'press');
  await checkout(server, { licenseKey: license.licenseKey, deviceFingerprint: 'press' });
  return { ...license, activationId: String(activation?.id) };
}

const revoke = (licenseId: string) => actOn(server, shop.admin, 'revokeLicense', { licenseId, reason: 'x' });

/** Read by a server that has not read it before: for a second of real time one goes by what it has. */
async function listNow(tenantId = shop.admin.tenant_id) {
  const beside = await startTestServer({ beside: server });
  beside.now = server.now;
  const text = await revocationsOf(beside, tenantId);
  const list = await openRevocationList(text, await publishedKeys(beside));
  await beside.stop();
  if (list === undefined) throw new Error('the list does not verify');
  return { ...list, text };
}

describe('the revocation list of a tenant', () => {
  test('is one text: the unused bits of its last character change nothing of it, and it is not taken', async () => {
    const { text } = await listNow();
    const keys = await publishedKeys(server);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = letters.indexOf(text.trim().slice(-1));

    // 64 bytes of signature leave four of the last character's six bits unused.
    const others = Array.from(
      { length: 15 },
      (_, bits) => `${text.trim().slice(0, -1)}${letters[last ^ (bits + 1)]}`,
    );

    for (const other of others) {
      expect(Buffer.from(other.split('.')[2] ?? '', 'base64url')).toHaveLength(64);
      expect(await openRevocationList(other, keys)).toBeUndefined();
    }
  });

  test('names what was lost of the documents that are out, and nothing else', async () => {
    const [revoked, ended, good] = [await filed(), await filed(), await filed()];
    const bare = await createLicense(server, shop);
    await revoke(revoked.id);
    await revoke(bare.id);
    await deactivate(server, { activationId: ended.activationId }, shop.admin);

    const { licenses, activations, devices, epoch, tenantId, text } = await listNow();

    expect({ licenses, activations, devices, epoch, tenantId }).toEqual({
      licenses: [{ id: revoked.id, status: 'REVOKED' }],
      activations: [revoked.activationId, ended.activationId].toSorted(),
      devices: [],
      epoch: SECOND,
      tenantId: shop.admin.tenant_id,
    });
    for (const hidden of [good.id, bare.id, 'press', 'Ada'])
      expect(JSON.stringify(decodeJwt(text))).not.toContain(hidden);
  });

  test('names a floating seat that was given up before the file on it ends, until its device has one again', async () => {
    const license = await createLicense(server, shop, { licenseType: 'CONCURRENT', maxBorrowHours: 72 });
    const { activation, activationToken } = await activate(server, license.licenseKey, 'press');
    await borrow(server, activationToken, 72);
    await checkout(server, { activationToken, deviceFingerprint: 'press' });
    const held = await listNow();
    await release(server, { activationToken });
    const released = await listNow();
    await borrow(server, activationToken, 1);
    const shorter = await listNow();
    server.pass(3_600_000);

    expect([held, released, shorter, await listNow()].map(({ activations }) => activations)).toEqual([
      [],
      [activation?.id],
      [],
      [activation?.id],
    ]);
  });

  test('keeps its epoch while nothing changes, and grows with every change and its undoing', async () => {
    const license = await filed();
    const epochs = [(await listNow()).epoch, (await listNow()).epoch];

    await actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'x' });
    epochs.push((await listNow()).epoch);
    await actOn(server, shop.admin, 'reinstateLicense', { licenseId: license.id });
    epochs.push((await listNow()).epoch);

    expect(epochs).toEqual([SECOND, SECOND, SECOND + 1, SECOND + 2]);
  });

  test('is signed anew before it is over, as a later one', async () => {
    await filed();
    const first = await listNow();
    server.pass(3 * DAY_MILLIS);
    const second = await listNow();
    server.pass(DAY_MILLIS);
    const third = await listNow();

    expect(second.text).toBe(first.text);
    expect([third.epoch, third.issuedAt, third.expiresAt]).toEqual([
      first.epoch + 4 * 86_400,
      addDays(START, 4),
      addDays(START, 11),
    ]);
  });

  test('goes on above what devices know when the database was restored from a copy', async () => {
    const [kept, lost] = [await filed(), await filed()];
    await listNow();
    const [copy] = await server.sql`select * from revocation_lists where tenant_id = ${shop.admin.tenant_id}`;
    for (let change = 0; change < 3; change += 1) {
      server.pass(1_000);
      await revoke((await filed()).id);
      await listNow();
    }
    const file = await checkout(server, { licenseKey: kept.licenseKey, deviceFingerprint: 'press' });
    const known = await listNow();
    await server.sql`update revocation_lists set epoch = ${copy?.epoch}, content_hash = ${copy?.content_hash},
      signed = ${copy?.signed}, signed_at = ${copy?.signed_at} where tenant_id = ${shop.admin.tenant_id}`;
    server.pass(60_000);
    await revoke(lost.id);

    const restored = await listNow();

    const keys = await publishedKeys(server);
    const verdict = await verifyLicenseFile(String(file.licenseFile), keys, {
      deviceFingerprint: 'press',
      now: new Date(server.now),
      record: { seenAt: server.now, epoch: known.epoch },
      revocations: restored.text,
    });
    expect(restored.epoch).toBe(SECOND + 63);
    expect(restored.epoch).toBeGreaterThan(known.epoch);
    expect(verdict).toMatchObject({ valid: true, code: 'VALID', record: { epoch: restored.epoch } });
  });

  test('names a device for as long as it is shut out', async () => {
    await filed();
    await blacklistDevice(server, shop.admin, 'stolen');
    const named = await listNow();
    const lift = mutation('unblacklistDevice', 'device { id }');
    await server.ok(lift, { input: { deviceFingerprint: 'stolen' } }, shop.admin);

    expect([named.devices.length, (await listNow()).devices]).toEqual([1, []]);
  });

  test('names a floating seat that a server ahead in time has given away', async () => {
    const license = await createLicense(server, shop, { licenseType: 'CONCURRENT', leaseSeconds: 600 });
    const { activation, activationToken } = await activate(server, license.licenseKey, 'press');
    await checkout(server, { activationToken, deviceFingerprint: 'press' });
    const before = await listNow();
    const ahead = await startTestServer({ beside: server });
    ahead.now = addMillis(START, 600_000);
    await activate(ahead, license.licenseKey, 'other');
    await ahead.stop();

    expect([before.activations, (await listNow()).activations]).toEqual([[], [activation?.id]]);
  });

  test('names an activation that ended long ago for as long as a file on it is out', async () => {
    const patient = await startTestServer({ environment: { LG_LICENSE_FILE_DAYS: '200' } });
    const theirs = await openShop(patient);
    const license = await createLicense(patient, theirs);
    const { activation, activationToken } = await activate(patient, license.licenseKey, 'press');
    await checkout(patient, { activationToken, deviceFingerprint: 'press' });
    await deactivate(patient, { activationToken });
    const archivedAfter = async (days: number) => {
      patient.now = addDays(START, days);
      return (await patient.jobs.run('activation.archive')).activations;
    };

    const early = await archivedAfter(199);
    const text = await revocationsOf(patient, theirs.admin.tenant_id);
    const list = await openRevocationList(text, await publishedKeys(patient));
    const late = await archivedAfter(200);
    await patient.stop();

    expect([early, list?.activations, late]).toEqual([0, [activation?.id], 1]);
  });

  test('is signed anew at once when the key is retired that has signed it', async () => {
    await filed();
    const before = await listNow();
    const pool = openPool({ url: server.url, role: 'lg_worker', maxConnections: 2 });
    const signing = new SigningKeys({ pool, keys: keyRing(server.keys), clock: () => server.now });

    await signing.retire(String(decodeProtectedHeader(before.text).kid));
    await pool.end();

    // The list verifies with the keys that are left, or it would not be read.
    const after = await listNow();
    expect(decodeProtectedHeader(after.text).kid).not.toBe(decodeProtectedHeader(before.text).kid);
    expect(after.epoch).toBe(before.epoch + 1);
  });

  test('names nothing any more when its documents are over', async () => {
    const license = await filed();
    await revoke(license.id);
    const before = await listNow();
    server.pass(31 * DAY_MILLIS);

    const after = await listNow();

    expect([before.licenses.length, after.licenses, after.activations]).toEqual([1, [], []]);
    expect(after.epoch).toBeGreaterThan(before.epoch);
  });

  test('never goes back while 20 licenses are revoked under it on two servers', async () => {
    const licenses = [];
    for (let count = 0; count < 20; count += 1) licenses.push(await filed());
    const pair = [await startTestServer({ beside: server }), await startTestServer({ beside: server })];
    const keys = await publishedKeys(server);
    const seen: [number, number][] = [];

    const reading = (async () => {
      for (let round = 0; round < 12; round += 1) {
        for (const each of pair) {
          const response = await each.app.inject(
            `/.well-known/licensegraph/revocations/${shop.admin.tenant_id}`,
          );
          const list = await openRevocationList(response.body, keys);
          seen.push([list?.epoch ?? -1, list?.licenses.length ?? -1]);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await Promise.all([reading, ...licenses.map(({ id }) => revoke(id))]);
    for (const each of pair.toReversed()) await each.stop();
    const last = await listNow();

    const byEpoch = new Map(seen);
    expect(seen.every(([epoch, count]) => byEpoch.get(epoch) === count)).toBe(true);
    const inOrder = [...byEpoch].toSorted(([one], [other]) => one - other).map(([, count]) => count);
    expect(inOrder).toEqual(inOrder.toSorted((one, other) => one - other));
    expect(last.licenses.length).toBe(20);
    expect(last.epoch).toBeGreaterThanOrEqual(Math.max(...byEpoch.keys()));
  });

  test('asked 40 times at once of two servers is one list', async () => {
    await filed();
    const pair = [await startTestServer({ beside: server }), await startTestServer({ beside: server })];

    const texts = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        revocationsOf(pair[index % 2] ?? server, shop.admin.tenant_id),
      ),
    );
    for (const each of pair.toReversed()) await each.stop();

    expect(new Set(texts).size).toBe(1);
  });
});

describe('its address', () => {
  const ask = (path: string, headers: Record<string, string> = {}) =>
    server.app.inject({ url: `/.well-known/licensegraph/revocations/${path}`, headers });

  test('needs no token, tells how long it may be kept, and is not sent again to whoever has it', async () => {
    const response = await ask(shop.admin.tenant_id);
    const again = await ask(shop.admin.tenant_id, { 'if-none-match': String(response.headers.etag) });

    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/jwt');
    expect(response.headers['cache-control']).toBe('public, max-age=60');
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  test.each(['nobody', '..%2f..', 'UPPER', "x'; drop table licenses; --", '%00', ''])(
    'has nothing for the tenant %j, and writes nothing',
    async (tenant) => {
      const before = await server.count('revocation_lists');

      const response = await ask(encodeURI(tenant));

      expect([response.statusCode, response.json().errors[0].extensions.code]).toEqual([404, 'NOT_FOUND']);
      expect(await server.count('revocation_lists')).toBe(before);
    },
  );

  test('is counted by address, as what anybody asks', async () => {
    const limited = await startTestServer({ environment: { LG_RATE_ADDRESS_PER_MINUTE: '2' } });
    const { tenant_id } = await limited.tenant();
    const url = `/.well-known/licensegraph/revocations/${tenant_id}`;

    const codes = [];
    for (let count = 0; count < 4; count += 1) codes.push((await limited.app.inject(url)).statusCode);
    await limited.stop();

    expect(codes).toEqual([200, 200, 429, 429]);
  });
});
