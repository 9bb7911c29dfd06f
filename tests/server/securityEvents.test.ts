import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listIn, mutation, readLicense } from '../support/acts.js';
import { tryActivate } from '../support/devices.js';
import { activate, grantToTenant, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({
    environment: { LG_DATABASE_POOL: '2', LG_RATE_LICENSE_PER_MINUTE: '20' },
  });
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

interface Recorded {
  readonly type: string;
  readonly subject: string;
  readonly license: string | null;
  readonly actor: string | null;
  readonly kind: string;
  readonly data: Record<string, unknown>;
}

/** What the trail of a tenant says of refusals, once all that is noted is written. */
async function recorded(tenantId = shop.admin.tenant_id): Promise<Recorded[]> {
  await server.machinery.security.flush();
  return written(tenantId);
}

async function written(tenantId = shop.admin.tenant_id): Promise<Recorded[]> {
  const rows = await server.sql`select event_type, subject_id, license_id, user_id, metadata, event_data
    from license_event_logs where tenant_id = ${tenantId} and event_type like '%.refused' order by id`;
  return rows.map((row) => ({
    type: row.event_type,
    subject: row.subject_id,
    license: row.license_id,
    actor: row.user_id,
    kind: row.metadata.actor_kind ?? row.metadata.actorKind,
    data: row.event_data,
  }));
}

const ADVANCED = 'query ($id: ID!) { license(id: $id) { advancedAnalytics { operatingSystems { name } } } }';
const advanced = (id: string, as: Claims, field = ADVANCED) => server.graphql(field, { id }, as);
const heartbeat = (activationToken: string) =>
  server.graphql(mutation('sendHeartbeat', 'status'), { input: { activationToken } });
const onLicense = (act: string, licenseId: string, input: object = {}) =>
  server.ok(mutation(act, 'license { id }'), { input: { licenseId, ...input } }, shop.admin);

describe('an unlicensed attempt', () => {
  test('is recorded once, with who tried what, and the answer tells no more than before', async () => {
    const { id } = await issueLicense(server, shop);

    const { code } = await advanced(id, shop.admin);

    expect(code).toBe('FEATURE_NOT_LICENSED');
    expect(await recorded()).toEqual([
      {
        type: 'feature.refused',
        subject: shop.admin.tenant_id,
        license: null,
        actor: 'tester',
        kind: 'user',
        data: {
          code: 'FEATURE_NOT_LICENSED',
          field: 'License.advancedAnalytics',
          feature: 'analytics_advanced',
        },
      },
    ]);
  });

  test('of what is granted writes nothing', async () => {
    const { id } = await issueLicense(server, shop);
    await grantToTenant(server, shop, [{ featureId: 'analytics_advanced', limitValue: 10 }]);

    const { errors } = await advanced(id, shop.admin);

    expect(errors).toEqual([]);
    expect(await recorded()).toEqual([]);
  });

  test('by a customer stands with the events of that customer', async () => {
    const { id } = await issueLicense(server, shop);
    const customer: Claims = { ...shop.admin, roles: ['customer'], customer_id: shop.customerId };

    await advanced(id, customer);
    await server.machinery.security.flush();

    const query = `{ customer(id: "${shop.customerId}") { events { nodes { type subjectId } } }
      events(filter: { types: ["feature.refused"] }) { totalCount } }`;
    const data = await server.ok(query, {}, shop.admin);
    const nodes = listIn<Json>(data.customer?.events?.nodes);
    expect(nodes.filter(({ type }) => String(type) === 'feature.refused')).toEqual([
      { type: 'feature.refused', subjectId: shop.customerId },
    ]);
    expect(data.events?.totalCount).toBe(1);
  });

  test('of a metered feature whose units are used up is business and not recorded', async () => {
    const { id } = await issueLicense(server, shop);
    await grantToTenant(server, shop, [{ featureId: 'analytics_advanced', limitValue: 0 }]);

    const { code } = await advanced(id, shop.admin);

    expect(code).toBe('QUOTA_EXCEEDED');
    expect(await recorded()).toEqual([]);
  });

  test('for each of many licenses in one list is one', async () => {
    for (let made = 0; made < 3; made += 1) await issueLicense(server, shop);

    await server.graphql(
      '{ licenses { nodes { advancedAnalytics { operatingSystems { name } } } } }',
      {},
      shop.admin,
    );

    const [only, ...others] = await recorded();
    expect(only?.data.left_out).toBeUndefined();
    expect(others).toEqual([]);
  });

  test('by nobody goes into no trail, and into the log without a word of the caller', async () => {
    const secret = `SECRET${randomUUID().slice(0, 8)}`;
    await server.machinery.drain.idle();
    const before = await server.count('license_event_logs');

    const query = `{ ${secret}: validateLicenseKey(licenseKey: "0000-0000-0000-0000-0000") { code } viewer { subject } }`;
    await server.graphql(query);
    await server.machinery.security.flush();
    await server.machinery.drain.idle();

    expect(await server.count('license_event_logs')).toBe(before);
    expect(server.logged.join('\n')).not.toContain(secret);
  });
});

describe('a license or token that may not be used', () => {
  test('revoked: the activation that is refused is recorded on the license, though its act was rolled back', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    await onLicense('revokeLicense', id, { reason: 'Fraud' });

    const { code } = await tryActivate(server, licenseKey, 'laptop');

    expect(code).toBe('LICENSE_REVOKED');
    expect(await recorded()).toEqual([
      {
        type: 'access.refused',
        subject: id,
        license: id,
        actor: `license:${id}`,
        kind: 'application',
        data: { code: 'LICENSE_REVOKED', field: 'Mutation.activateLicense' },
      },
    ]);
    const { events } = await readLicense(server, shop.admin, id, 'events { nodes { type } }');
    expect(listIn<Json>(events?.nodes).map(({ type }) => String(type))).toContain('access.refused');
    expect(JSON.stringify(await written())).not.toContain(licenseKey);
  });

  test('a heartbeat of a device that was ended is recorded on that device', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    const { activation, activationToken } = await activate(server, licenseKey, 'laptop');
    await server.ok(mutation('deactivateActivation', 'activation { id }'), { input: { activationToken } });

    const { code } = await heartbeat(String(activationToken));

    expect(code).toBe('ACTIVATION_DEACTIVATED');
    expect(await recorded()).toMatchObject([
      { subject: String(activation?.id), license: id, data: { field: 'Mutation.sendHeartbeat' } },
    ]);
    expect(JSON.stringify(await written())).not.toContain(String(activationToken));
  });

  test.each([
    ['LICENSE_SUSPENDED', (id: string) => onLicense('suspendLicense', id, { reason: 'Unpaid' })],
    ['ACTIVATION_LIMIT_EXCEEDED', (id: string) => onLicense('updateLicense', id, { maxActivations: 1 })],
    [
      'LICENSE_EXPIRED',
      async (id: string) => {
        const expiry = new Date(Date.parse(server.now) - 86_400_000);
        await server.sql`update licenses set expiry_date = ${expiry.toISOString()} where id = ${id}`;
      },
    ],
  ])('%s: also when somebody with a token tries', async (expected, prepare) => {
    const { id, licenseKey } = await issueLicense(server, shop);
    await activate(server, licenseKey, 'first');
    await prepare(id);

    const { code } = await tryActivate(server, licenseKey, 'second', {}, shop.admin);

    expect(code).toBe(expected);
    expect(await recorded()).toMatchObject([
      { type: 'access.refused', subject: id, license: id, actor: 'tester', data: { code: expected } },
    ]);
  });

  test.each([
    ['LICENSE_INACTIVE', (id: string) => onLicense('updateLicense', id, { status: 'INACTIVE' })],
    ['PRODUCT_MISMATCH', undefined],
  ])('%s: switched off is blameless, another product is not', async (expected, prepare) => {
    const { id, licenseKey } = await issueLicense(server, shop);
    await prepare?.(id);

    const { code } = await tryActivate(server, licenseKey, 'laptop', prepare ? {} : { productId: 'OTHER' });

    expect(code).toBe(expected);
    expect((await recorded()).map(({ data }) => data.code)).toEqual(prepare ? [] : [expected]);
  });

  test('a token on another device is answered as a verdict, and recorded as what it is', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    const { activation, activationToken } = await activate(server, licenseKey, 'laptop');
    const ask = (device: string) =>
      server.ok(
        'query ($t: String!, $d: String) { validateActivation(activationToken: $t, deviceFingerprint: $d) { code } }',
        {
          t: activationToken,
          d: device,
        },
      );

    const own = await ask('laptop');
    const stolen = await ask('elsewhere');

    expect([own.validateActivation, stolen.validateActivation]).toEqual([
      { code: 'VALID' },
      { code: 'FINGERPRINT_MISMATCH' },
    ]);
    expect(await recorded()).toMatchObject([
      {
        type: 'access.refused',
        subject: String(activation?.id),
        license: id,
        data: { code: 'FINGERPRINT_MISMATCH', field: 'Query.validateActivation' },
      },
    ]);
  });

  test('a license that is shown too often is recorded as such', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    const aliases = Array.from(
      { length: 30 },
      (_, index) => `a${index}: validateLicenseKey(licenseKey: "${licenseKey}") { code }`,
    );

    const { code } = await server.graphql(`{ ${aliases.join(' ')} }`);

    expect(code).toBe('RATE_LIMITED');
    const [first] = await recorded();
    expect(first).toMatchObject({ subject: id, license: id, data: { code: 'RATE_LIMITED' } });
  });
});

describe('lacking a permission', () => {
  test('is recorded where something was to be done, and not where a page reads', async () => {
    const { id } = await issueLicense(server, shop);
    const auditor: Claims = { ...shop.admin, roles: ['auditor'], sub: 'mallory' };

    const reading = await server.graphql('{ viewer { tenant { id } } }', {}, { ...auditor, roles: [] });
    const acting = await server.graphql(
      mutation('revealLicenseKey', 'licenseKey'),
      { input: { licenseId: id } },
      auditor,
    );

    expect([reading.code, acting.code]).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    expect(await recorded()).toMatchObject([
      {
        type: 'access.refused',
        subject: shop.admin.tenant_id,
        license: null,
        actor: 'mallory',
        data: { code: 'FORBIDDEN', field: 'Mutation.revealLicenseKey', permission: 'license.reveal_key' },
      },
    ]);
  });

  test('stands in the own trail alone, whatever of another tenant was named', async () => {
    const victim = await openShop(server);
    const { id } = await issueLicense(server, victim);
    const input = { licenseId: id };

    await server.graphql(
      mutation('revealLicenseKey', 'licenseKey'),
      { input },
      { ...shop.admin, roles: ['auditor'] },
    );

    expect(await recorded(victim.admin.tenant_id)).toEqual([]);
    expect(JSON.stringify(await recorded())).not.toContain(id);
  });
});

describe('a flood', () => {
  const refuse = (id: string, times: number, as: Claims = shop.admin) =>
    Promise.all(Array.from({ length: times }, () => advanced(id, as)));

  test('of one refusal is one event a minute, and none of it is lost count of', async () => {
    const { id } = await issueLicense(server, shop);

    await refuse(id, 50);
    const first = await eventually(1);
    server.pass(61_000);
    await refuse(id, 30);
    const second = await eventually(2);
    const all = await recorded();

    expect([first.length, second.length]).toEqual([1, 2]);
    expect(all.map(({ data }) => data.left_out)).toEqual([undefined, 49, 29]);
    expect(all.reduce((sum, { data }) => sum + 1 + Number(data.left_out ?? 0), 0)).toBe(81);
  });

  /** The recording is behind the answer: waits until so many are written. */
  async function eventually(count: number): Promise<Recorded[]> {
    for (let tries = 0; tries < 500; tries += 1) {
      const rows = await written();
      if (rows.length >= count) return rows;
    }
    return written();
  }

  test('under other names, from aliases, is not another refusal', async () => {
    const { id } = await issueLicense(server, shop);
    const aliased = (name: string): string =>
      ADVANCED.replace('advancedAnalytics', `${name}: advancedAnalytics`);

    for (const name of ['a', 'b', 'c']) await advanced(id, shop.admin, aliased(name));

    expect((await recorded()).map(({ data }) => data.left_out)).toEqual([undefined, 2]);
  });

  test('of one actor hides nobody else', async () => {
    const { id } = await issueLicense(server, shop);

    await refuse(id, 10, { ...shop.admin, sub: 'loud' });
    await refuse(id, 1, { ...shop.admin, sub: 'quiet' });

    expect((await recorded()).map(({ actor }) => actor).toSorted()).toEqual(['loud', 'loud', 'quiet']);
  });

  test('that ends is told to its end when its minute is over, although nothing of its kind follows', async () => {
    const { id } = await issueLicense(server, shop);
    await refuse(id, 5);
    await eventually(1);

    server.machinery.security.look();
    const early = await written();
    server.pass(61_000);
    server.machinery.security.look();
    const late = await eventually(2);

    expect(early.map(({ data }) => data.left_out)).toEqual([undefined]);
    expect(late.map(({ data }) => data.left_out)).toEqual([undefined, 4]);
    server.pass(61_000);
    server.machinery.security.look();
    expect(await recorded()).toEqual(late);
  });

  test('is told to its end when the server stops', async () => {
    const { id } = await issueLicense(server, shop);
    const other = await startTestServer({ beside: server });
    for (let tries = 0; tries < 5; tries += 1) await other.graphql(ADVANCED, { id }, shop.admin);

    await other.stop();

    expect((await written()).map(({ data }) => data.left_out)).toEqual([undefined, 4]);
  });
});

test('what cannot be recorded changes no answer, and is logged', async () => {
  const { id } = await issueLicense(server, shop);
  await server.sql`revoke insert on license_event_logs from lg_app`;

  const { code, data } = await advanced(id, shop.admin);
  await server.machinery.security.flush();

  await server.sql`grant insert on license_event_logs to lg_app`;
  expect([code, data]).toEqual(['FEATURE_NOT_LICENSED', { license: { advancedAnalytics: null } }]);
  expect(await written()).toEqual([]);
  expect(server.logged.filter((line) => line.includes('could not be recorded'))).toHaveLength(1);
});
