import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { permissionsOf } from '../../src/access/permissions.js';
import type { ProductId, TenantId } from '../../src/core/id.js';
import type { Work } from '../../src/core/work.js';
import { alteredFields } from '../../src/licenses/model/seal.js';
import { insertLicenses, type NewLicense } from '../../src/licenses/service/newLicense.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());
afterEach(() => vi.restoreAllMocks());

/** One act in the shop's tenant, committed, as whoever serves requests. */
async function act<Result>(run: (work: Work) => Promise<Result>): Promise<Result> {
  const tenantId = shop.admin.tenant_id as TenantId;
  const actor = { kind: 'system', subject: 'tests', tenantId, permissions: permissionsOf([], []) } as const;
  const caller = { actor, requestId: 'tests', address: undefined };
  const { work, session } = await openWork(server.machinery, caller);
  const result = await run(work).catch(async (error: unknown) => {
    await session.rollback();
    throw error;
  });
  await session.commit();
  return result;
}

const values = (issuedTo: string): NewLicense => ({
  productId: shop.productId as ProductId,
  productName: 'Radar',
  productVersion: '2.0',
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  issuedTo,
  issuedDate: server.now,
  status: 'ACTIVE',
});
const people = (count: number): NewLicense[] =>
  Array.from({ length: count }, (_, place) => values(`Holder ${place}`));

async function statementsOf(count: number): Promise<number> {
  server.statements.length = 0;
  await act((work) => insertLicenses(work, people(count)));
  return server.statements.length;
}

test('a thousand licenses take as many statements as one, each has its own key, and they come in the order that was asked for', async () => {
  const one = await statementsOf(1);

  const before = await server.count('license_event_logs', "event_type = 'license.created'");
  server.statements.length = 0;
  const made = await act((work) => insertLicenses(work, people(1_000)));

  expect(server.statements.length).toBe(one);
  expect(one).toBe(3);
  expect(made.map(({ license }) => license.issuedTo)).toEqual(people(1_000).map(({ issuedTo }) => issuedTo));
  expect(new Set(made.map(({ licenseKey }) => licenseKey)).size).toBe(1_000);
  expect(await server.count('license_event_logs', "event_type = 'license.created'")).toBe(before + 1_000);
});

test('every one of many licenses is as one that is made alone: its defaults, its seal, and a key that leads to it', async () => {
  const made = await act((work) => insertLicenses(work, people(3)));

  for (const { license, licenseKey } of made) {
    expect(alteredFields(server.machinery.keys, license)).toEqual([]);
    const found = await server.ok(
      'query ($key: String!) { licenseByKey(licenseKey: $key) { id maxActivations gracePeriodDays restrictions { operator } } }',
      { key: licenseKey },
      shop.admin,
    );
    expect(found.licenseByKey).toEqual({
      id: license.id,
      maxActivations: 1,
      gracePeriodDays: 30,
      restrictions: [],
    });
  }
});

/** The draws of the platform's random source, of which the first ones are given. */
function drawFirst(...keys: readonly string[]): void {
  const real = crypto.getRandomValues.bind(crypto);
  const waiting = keys.map((key) => Buffer.from(key.replaceAll('-', ''), 'hex'));
  vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
    const next = array instanceof Uint8Array && array.length === 10 ? waiting.shift() : undefined;
    if (next === undefined || !(array instanceof Uint8Array)) return real(array);
    array.set(next);
    return array;
  });
}

test('keys that are taken, or drawn twice, are drawn again for those alone', async () => {
  const { licenseKey: taken, id } = await createLicense(server, shop);
  const twin = '0123-4567-89AB-CDEF-0123';

  drawFirst(taken, twin, twin);
  const made = await act((work) => insertLicenses(work, people(4)));

  const keys = made.map(({ licenseKey }) => licenseKey);
  expect(new Set([...keys, taken]).size).toBe(5);
  expect(keys.filter((key) => key === twin)).toHaveLength(1);
  const found = await server.ok(`{ licenseByKey(licenseKey: "${taken}") { id } }`, {}, shop.admin);
  expect(found.licenseByKey?.id).toBe(id);
});

test('a random source that is broken makes no license', async () => {
  const { licenseKey: taken } = await createLicense(server, shop);
  const before = await server.count('licenses');

  drawFirst(...Array.from({ length: 5 }, () => taken));
  await expect(act((work) => insertLicenses(work, people(1)))).rejects.toThrow(
    /no free license key in 5 tries/,
  );

  expect(await server.count('licenses')).toBe(before);
});
