import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { createLicense, grantToTenant } from '../support/fixtures.js';
import {
  eventCount,
  type FeatureShop,
  openFeatureShop,
  refusalsByPath,
  unitsUsed,
} from '../support/meters.js';
import { keyed } from '../support/replays.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const exported = (alias = 'exportLicenses') =>
  `${alias}: exportLicenses(input: { format: JSON }) { count content }`;
const suspend = (id: string, selection: string) =>
  `suspendLicense(input: { licenseId: "${id}", reason: "unpaid" }) { license { status ${selection} } }`;
const analytics = 'advancedAnalytics { operatingSystems { name } }';

/** A tenant that may export so often, and use advanced analytics so often; with the license that lets it. */
async function shopWith(exports: number, uses = 0): Promise<FeatureShop & { id: string }> {
  const shop = await openFeatureShop(server);
  const features = [
    { featureId: 'bulk_export', limitValue: exports },
    { featureId: 'analytics_advanced', limitValue: uses },
  ];
  const { id } = await grantToTenant(server, shop, features);
  return { ...shop, id };
}

const run = (shop: FeatureShop, roots: string, key?: string): Promise<Answer> =>
  server.graphql(`mutation { ${roots} }`, {}, shop.admin, key === undefined ? {} : keyed(key));
const exports = (shop: FeatureShop): Promise<number> => eventCount(server, shop.tenantId, 'license.exported');

test('a mutation that is answered again consumes nothing, also when no unit is left', async () => {
  const shop = await shopWith(2);

  const first = await run(shop, exported(), 'one');
  const again = await run(shop, exported(), 'one');
  const last = await run(shop, exported(), 'two');
  const late = [await run(shop, exported(), 'one'), await run(shop, exported(), 'two')];
  const refused = await run(shop, exported(), 'three');

  expect(first.errors).toEqual([]);
  expect(again).toEqual(first);
  expect(late).toEqual([first, last]);
  expect(refused.code).toBe('QUOTA_EXCEEDED');
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 2 });
  expect(await exports(shop)).toBe(2);
});

test('what was paid for is answered after the license that granted it has ended', async () => {
  const shop = await shopWith(2);
  const first = await run(shop, exported(), 'one');
  await run(shop, suspend(shop.id, ''));

  const again = await run(shop, exported(), 'one');
  const anew = await run(shop, exported(), 'two');

  expect(again).toEqual(first);
  expect(anew.code).toBe('NO_ACTIVE_LICENSE');
});

test('what a payload reads anew needs no units, and is refused when nothing grants it any more', async () => {
  const shop = await shopWith(0, 1);
  const { id } = await createLicense(server, shop);
  const roots = suspend(id, analytics);
  const [first, again] = [await run(shop, roots, 'stop'), await run(shop, roots, 'stop')];
  await run(shop, suspend(shop.id, ''));

  const late = await run(shop, roots, 'stop');

  expect(first.data?.suspendLicense?.license).toEqual({
    status: 'SUSPENDED',
    advancedAnalytics: { operatingSystems: [] },
  });
  expect(again).toEqual(first);
  expect(refusalsByPath(late)).toEqual({ 'suspendLicense.license.advancedAnalytics': 'NO_ACTIVE_LICENSE' });
  expect(late.data?.suspendLicense?.license).toEqual({ status: 'SUSPENDED', advancedAnalytics: null });
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1 });
});

test('a root that was done leaves the last units to the one beside it that was not', async () => {
  const shop = await shopWith(2);
  const { id } = await createLicense(server, shop);
  const reinstate = `reinstateLicense(input: { licenseId: "${id}" }) { license { status } }`;
  const roots = `${exported('a')} ${reinstate} ${exported('b')}`;
  // Of the second export nothing is left behind, as if the server had died in it.
  await run(shop, roots, 'both');
  await server.sql`delete from idempotency_keys where tenant_id = ${shop.tenantId} and response_name = 'b'`;
  await server.sql`update feature_usage set used = 1 where tenant_id = ${shop.tenantId}`;

  const again = await run(shop, roots, 'both');

  expect(refusalsByPath(again)).toEqual({ reinstateLicense: 'INVALID_TRANSITION' });
  expect([again.data?.a?.count, again.data?.b?.count]).toEqual([2, 2]);
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 2 });
  expect(await exports(shop)).toBe(3);
});

test('a refusal for want of units is not stored', async () => {
  const shop = await shopWith(0);
  const refused = await run(shop, exported(), 'one');
  await grantToTenant(server, shop, [{ featureId: 'bulk_export', limitValue: 1 }]);

  const done = await run(shop, exported(), 'one');

  expect(refused.code).toBe('QUOTA_EXCEEDED');
  expect(done.errors).toEqual([]);
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 1 });
});

test('an answer that is over when its act begins is charged as any other', async () => {
  const shop = await shopWith(2);
  await run(shop, exported(), 'one');
  server.pass(7 * DAY_MILLIS + 1);

  const anew = await run(shop, exported(), 'one');
  const refused = await run(shop, exported(), 'two');
  const again = await run(shop, exported(), 'one');

  expect([anew.code, refused.code]).toEqual([undefined, 'QUOTA_EXCEEDED']);
  expect(again).toEqual(anew);
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 2 });
});

test('the price: three statements for an act, one for its answer, and one to ask what was answered', async () => {
  const shop = await shopWith(9);
  const create = 'createCustomer(input: { name: "Ada" }) { customer { name } }';
  const statements = async (roots: string, key?: string): Promise<number> => {
    server.statements.length = 0;
    await run(shop, roots, key);
    return server.statements.length;
  };
  await statements(create);

  const plain = await statements(create);
  const first = await statements(create, 'one');
  const again = await statements(create, 'one');
  const metered = [await statements(exported()), await statements(exported(), 'two')];
  const meteredAgain = await statements(exported(), 'two');

  // The lock and the look-up go out together; the third stores the answer.
  expect([first - plain, again]).toEqual([3, 2]);
  expect([(metered[1] ?? 0) - (metered[0] ?? 0), meteredAgain]).toEqual([4, 3]);
});

const keysInLedger = async (shop: FeatureShop): Promise<unknown[]> => {
  const rows = await server.sql`select idempotency_key from usage_ledger
    where tenant_id = ${shop.tenantId} order by grant_id, kind`;
  return rows.map((row) => row.idempotency_key);
};

test('units of a mutation stand in the ledger under its key, root by root, and a reset as well', async () => {
  const shop = await shopWith(3);

  await run(shop, `${exported('a')} ${exported('b')}`, 'monthly');
  await run(shop, exported());
  const reset = `resetQuota(input: { licenseId: "${shop.id}", featureId: "bulk_export", reason: "x" }) { license { id } }`;
  expect((await run(shop, reset, 'anew')).errors).toEqual([]);

  expect(await keysInLedger(shop)).toEqual(['monthly', 'monthly', null, 'anew']);
});

test('a query ignores its key, whatever stands in it, and fails nobody who is charged beside it', async () => {
  const shop = await shopWith(0, 100);
  const ask = (key: string): Promise<Answer> =>
    server.graphql(`{ license(id: "${shop.id}") { ${analytics} } }`, {}, shop.admin, keyed(key));

  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, index) => ask(index % 8 === 4 ? 'x'.repeat(300) : 'same')),
  );

  expect(answers.map(({ errors }) => errors)).toEqual(answers.map(() => []));
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 24 });
  expect(await keysInLedger(shop)).toEqual(answers.map(() => null));
});
