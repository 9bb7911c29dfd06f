import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, type Instant } from '../../src/core/clock.js';
import { actOn, eventsDuring, mutation, refused, refusedFields } from '../support/acts.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.now = START;
  // Its product has the version 2.0, which came out at START.
  shop = await openShop(server);
});

const maintained = (maintenanceExpiry: Instant | null, more: object = {}): Promise<Issued> =>
  createLicense(server, shop, { licenseType: 'PERPETUAL', maintenanceExpiry, ...more });

async function release(input: object): Promise<unknown> {
  const selection = 'product { version releases { version releasedAt } }';
  const data = await server.ok(
    mutation('updateProduct', selection),
    { input: { productId: shop.productId, ...input } },
    shop.admin,
  );
  return data.updateProduct?.product;
}

async function codeOf({ licenseKey }: Issued, version: string): Promise<unknown> {
  const data = await server.ok(
    `query ($licenseKey: String!, $version: String) { validateLicenseKey(licenseKey: $licenseKey, version: $version) {
      code } }`,
    { licenseKey, version },
  );
  return data.validateLicenseKey?.code;
}

test('maintenance covers what came out while it ran, to the millisecond, for good', async () => {
  const end = addDays(START, 10);
  const license = await maintained(end);
  const late = addDays(START, 11);
  await release({ releases: [{ version: '2.1', releasedAt: end }] });
  await release({ releases: [{ version: '2.2', releasedAt: '2026-03-11T12:00:00.001Z' }] });
  server.now = addDays(START, 400);

  expect(end).toBe('2026-03-11T12:00:00.000Z');
  expect(await codeOf(license, '2.1')).toBe('VALID');
  expect(await codeOf(license, '2.2')).toBe('VERSION_NOT_COVERED');
  await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, maintenanceExpiry: late });
  expect(await codeOf(license, '2.2')).toBe('VALID');
});

test('the version that was bought is covered, and where nothing bounds maintenance every other', async () => {
  const license = await maintained(addDays(START, 1));
  const endless = await maintained(null);
  await release({ version: '3.0', releases: [{ version: '2.0', releasedAt: addDays(START, 90) }] });
  server.now = addDays(START, 100);

  expect(await codeOf(license, '2.0')).toBe('VALID');
  expect(await codeOf(license, '3.0')).toBe('VALID');
  expect(await codeOf(endless, '99')).toBe('VALID');
});

test('a version that is not on record is covered as long as maintenance runs', async () => {
  const end = addDays(START, 10);
  const license = await maintained(end);

  server.now = end;
  const running = await codeOf(license, '2.0.1-beta');
  server.pass(1);

  expect(running).toBe('VALID');
  expect(await codeOf(license, '2.0.1-beta')).toBe('VERSION_NOT_COVERED');
});

test('a device with a version that is not covered is not activated, and told what is', async () => {
  const license = await maintained(addDays(START, 1));
  server.now = addDays(START, 5);
  await release({ version: '3.0' });
  const input = { licenseKey: license.licenseKey, deviceFingerprint: 'laptop', version: '3.0' };

  const error = await refused(server, shop.admin, 'VERSION_NOT_COVERED', () =>
    server.graphql(mutation('activateLicense', 'activationToken'), { input }),
  );

  expect(error.extensions.remedy).toBe(
    'Use version 2.0 or one that was released by 2026-03-02T12:00:00.000Z, or renew the maintenance.',
  );
  const { activationToken } = await activate(server, license.licenseKey, 'laptop', { version: '2.0' });
  const asked = 'query ($t: String!) { validateActivation(activationToken: $t, version: "3.0") { code } }';
  const data = await server.ok(asked, { t: activationToken });
  expect(data.validateActivation?.code).toBe('VERSION_NOT_COVERED');
});

test('releases are added and corrected, the newest first; a new version came out when it was named', async () => {
  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    server.pass(60_000);
    await release({ version: '2.1' });
    await release({ releases: [{ version: '1.0', releasedAt: '2020-01-01T00:00:00Z' }] });
    server.pass(60_000);
    const after = await release({
      version: '2.1',
      releases: [{ version: '2.0', releasedAt: '2026-02-01T00:00:00Z' }],
    });

    expect(after).toEqual({
      version: '2.1',
      releases: [
        { version: '2.1', releasedAt: '2026-03-01T12:01:00.000Z' },
        { version: '2.0', releasedAt: '2026-02-01T00:00:00.000Z' },
        { version: '1.0', releasedAt: '2020-01-01T00:00:00.000Z' },
      ],
    });
  });

  expect(events.map(({ type, data }) => [type, data])).toEqual([
    ['product.updated', { changed: ['version'] }],
    ['product.updated', { changed: ['releases'] }],
    ['product.updated', { changed: ['version', 'releases'] }],
  ]);
});

test('the releases of one product and tenant are no other one’s', async () => {
  const other = await openShop(server);
  const license = await maintained(addDays(START, 1));
  const stranger = await createLicense(server, other, {
    licenseType: 'PERPETUAL',
    maintenanceExpiry: addDays(START, 1),
  });
  await release({ releases: [{ version: '2.5', releasedAt: START }] });
  server.now = addDays(START, 5);

  expect(await codeOf(license, '2.5')).toBe('VALID');
  expect(await codeOf(stranger, '2.5')).toBe('VERSION_NOT_COVERED');
});

test('a version that stands twice is refused, and one too many', async () => {
  const entry = (version: string) => ({ version, releasedAt: START });
  const { productId, admin } = shop;
  const hundred = (from: number) => Array.from({ length: 100 }, (_, index) => entry(`${from}.${index}`));
  const twice = await refusedFields(server, admin, 'updateProduct', {
    productId,
    releases: [entry('3'), entry('4'), entry('3')],
  });
  const long = { productId, releases: [...hundred(0), entry('x')] };

  // 2.0 is on record already.
  for (const from of [0, 1, 2, 3, 4]) await release({ releases: hundred(from) });

  expect(twice).toEqual(['input.releases.2.version']);
  expect(await refusedFields(server, admin, 'updateProduct', long)).toEqual(['input.releases']);
  const more = { productId, releases: [entry('5.0')] };
  expect(await refusedFields(server, admin, 'updateProduct', more)).toEqual(['input.releases']);
  expect(await server.count('product_versions', `product_id = '${productId}'`)).toBe(500);
});
