import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLicense, grantToTenant } from '../support/fixtures.js';
import {
  eventCount,
  type FeatureShop,
  messagesByPath,
  openFeatureShop,
  refusalsByPath,
  unitsUsed,
} from '../support/meters.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const missing = '00000000-0000-7000-8000-000000000000';
const analytics = 'advancedAnalytics { operatingSystems { name } }';
const exported = (alias: string) => `${alias}: exportLicenses(input: { format: JSON }) { count }`;
const customer = (alias: string) => `${alias}: createCustomer(input: { name: "Ada" }) { customer { name } }`;
const suspend = (id: string, selection = 'status') =>
  `suspendLicense(input: { licenseId: "${id}", reason: "unpaid" }) { license { ${selection} } }`;

const run = (shop: FeatureShop, roots: string): Promise<Answer> =>
  server.graphql(`mutation { ${roots} }`, {}, shop.admin);

const exports = (shop: FeatureShop): Promise<number> => eventCount(server, shop.tenantId, 'license.exported');
const customers = (shop: FeatureShop): Promise<number> =>
  server.count('customers', `tenant_id = '${shop.tenantId}'`);

/** A tenant that may export so often, and use advanced analytics so often. */
async function shopWith(quotas: {
  exports?: number;
  analytics?: number;
}): Promise<FeatureShop & { id: string }> {
  const shop = await openFeatureShop(server);
  const features = [
    ...(quotas.exports === undefined ? [] : [{ featureId: 'bulk_export', limitValue: quotas.exports }]),
    ...(quotas.analytics === undefined
      ? []
      : [{ featureId: 'analytics_advanced', limitValue: quotas.analytics }]),
  ];
  const { id } = await grantToTenant(server, shop, features);
  return { ...shop, id };
}

describe('a mutation is asked for all its roots first', () => {
  test('what the quota covers runs, each root charged by itself', async () => {
    const shop = await shopWith({ exports: 2 });

    const answer = await run(shop, `${exported('a')} ${exported('b')}`);

    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual({ a: { count: 1 }, b: { count: 1 } });
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 2 });
    expect(await exports(shop)).toBe(2);
  });

  test('a unit too few refuses every metered root, and those that are not metered run', async () => {
    const shop = await shopWith({ exports: 1 });

    const answer = await run(shop, `${exported('a')} ${customer('c')} ${exported('b')}`);

    expect(messagesByPath(answer)).toEqual({
      a: 'Feature quota exceeded: 0/1',
      b: 'Feature quota exceeded: 0/1',
    });
    expect(answer.data).toEqual({ a: null, c: { customer: { name: 'Ada' } }, b: null });
    expect([await exports(shop), await customers(shop)]).toEqual([0, 1]);
    expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });

  test('a metered field of one payload that is refused refuses the metered root of another', async () => {
    const shop = await shopWith({ exports: 5, analytics: 0 });

    const answer = await run(shop, `${exported('a')} ${suspend(shop.id, `status ${analytics}`)}`);

    expect(messagesByPath(answer)).toEqual({
      a: 'Feature quota exceeded: 0/0',
      'suspendLicense.license.advancedAnalytics': 'Feature quota exceeded: 0/0',
    });
    expect(answer.data?.suspendLicense?.license).toEqual({ status: 'SUSPENDED', advancedAnalytics: null });
    expect(await exports(shop)).toBe(0);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({});
  });

  test('a feature that is not licensed refuses its own field only', async () => {
    const shop = await shopWith({ exports: 5 });

    const answer = await run(shop, `${suspend(missing)} ${customer('c')} ${exported('a')}`);
    const unmetered = await run(
      shop,
      `${suspend(shop.id, 'status analytics { totalActivations }')} ${customer('c')}`,
    );

    expect(refusalsByPath(answer)).toEqual({ suspendLicense: 'LICENSE_NOT_FOUND' });
    expect(refusalsByPath(unmetered)).toEqual({ 'suspendLicense.license.analytics': 'FEATURE_NOT_LICENSED' });
    expect([await exports(shop), await customers(shop)]).toEqual([1, 2]);
  });

  test('what an earlier root changes does not license a later one', async () => {
    const shop = await openFeatureShop(server);
    const create = `createLicense(input: { productId: "${shop.productId}", licenseType: PERPETUAL, licenseModel: SITE_LICENSE,
      issuedTo: "us", features: [{ featureId: "bulk_export", featureName: "Export" }] }) { license { status } }`;

    const first = await run(shop, `${create} ${exported('a')}`);
    const then = await run(shop, exported('a'));

    expect(messagesByPath(first)).toEqual({ a: 'No active license found for tenant' });
    expect(then.errors).toEqual([]);
    expect(await exports(shop)).toBe(1);
  });
});

describe('a root and its charge are one transaction', () => {
  test('a refusal in the act rolls back the charge, and the next root goes on', async () => {
    const shop = await shopWith({ analytics: 5, exports: 5 });

    const answer = await run(shop, `${suspend(missing, analytics)} ${exported('a')}`);

    expect(refusalsByPath(answer)).toEqual({ suspendLicense: 'LICENSE_NOT_FOUND' });
    expect(answer.data).toEqual({ suspendLicense: null, a: { count: 1 } });
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 1 });
  });

  test('a charge that is refused after all rolls back the act', async () => {
    const shop = await shopWith({ exports: 5 });

    const answer = await run(shop, `${suspend(shop.id)} ${exported('a')} ${customer('c')}`);

    expect(answer.data).toEqual({
      suspendLicense: { license: { status: 'SUSPENDED' } },
      a: null,
      c: { customer: { name: 'Ada' } },
    });
    expect(messagesByPath(answer)).toEqual({ a: 'No active license found for tenant' });
    expect(await exports(shop)).toBe(0);
    expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });

  test('what the payload needs is charged with its root', async () => {
    const shop = await shopWith({ analytics: 1 });
    const { id } = await createLicense(server, shop);

    const answer = await run(shop, suspend(id, `status ${analytics}`));
    const again = await run(shop, suspend(shop.id, `status ${analytics}`));

    expect(answer.data?.suspendLicense?.license).toEqual({
      status: 'SUSPENDED',
      advancedAnalytics: { operatingSystems: [] },
    });
    expect(messagesByPath(again)).toEqual({
      'suspendLicense.license.advancedAnalytics': 'Feature quota exceeded: 1/1',
    });
    expect(again.data?.suspendLicense?.license).toEqual({ status: 'SUSPENDED', advancedAnalytics: null });
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1 });
  });

  test('a root that fails for want of its table leaves no charge', async () => {
    const shop = await shopWith({ exports: 5 });
    await server.sql`revoke insert on license_event_logs from lg_app`;

    const answer = await run(shop, exported('a'));
    await server.sql`grant insert on license_event_logs to lg_app`;

    expect(refusalsByPath(answer)).toEqual({ a: 'INTERNAL_SERVER_ERROR' });
    expect(answer.errors[0]?.message).toBe('Something went wrong on our side.');
    expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(0);
    expect(await exports(shop)).toBe(0);
  });
});

describe('what enforcement costs a mutation', () => {
  /** The statements that look for tenant-wide licenses or touch counters. */
  async function statements(shop: FeatureShop, roots: string): Promise<number> {
    server.statements.length = 0;
    await run(shop, roots);
    return server.statements.filter((text) => /feature_usage|"customer_id" is null/.test(text)).length;
  }

  test('nothing without marks; with metered roots two to ask for all, and four to charge each', async () => {
    const shop = await shopWith({ exports: 50 });

    const plain = await statements(shop, customer('c'));
    const metered = await statements(shop, exported('a'));
    const two = await statements(shop, `${exported('a')} ${exported('b')}`);

    expect([plain, metered, two]).toEqual([0, 6, 10]);
  });
});
