import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { differences } from '../support/consuming.js';
import { createCustomer, createLicense } from '../support/fixtures.js';
import {
  askAnalytics,
  type FeatureShop,
  grantAnalytics,
  openFeatureShop,
  unitsUsed,
} from '../support/meters.js';
import { held } from '../support/rowLocks.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let address: string;
let shop: FeatureShop;
let customerId: string;
let license: string;
beforeAll(async () => {
  server = await startTestServer();
  address = await server.app.listen({ host: '127.0.0.1', port: 0 });
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
  await grantAnalytics(server, shop, 10);
  customerId = await createCustomer(server, shop.admin);
  license = (await createLicense(server, shop, { customerId })).id;
  await askAnalytics(server, shop.admin, license);
});
afterAll(() => server.stop());

const used = () => unitsUsed(server, shop.tenantId);
const lines = () => server.count('usage_ledger', `tenant_id = '${shop.tenantId}'`);

/** Sends an operation whose caller can hang up. */
async function ask(query: string): Promise<AbortController> {
  const caller = new AbortController();
  const authorization = `Bearer ${await server.token(shop.admin)}`;
  fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ query }),
    signal: caller.signal,
  }).catch(() => undefined);
  return caller;
}

/** Holds what a statement needs; answers how to let it go. */
async function hold(statement: string): Promise<() => Promise<void>> {
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection.unsafe(statement);
  return async () => {
    await connection`rollback`;
    connection.release();
  };
}

describe('the units of a caller who hangs up', () => {
  test('return when it goes before the marked field has run, while what stands above that is looked for', async () => {
    const release = await hold('lock table customers in access exclusive mode');
    const marked = 'advancedAnalytics { operatingSystems { name } }';
    const caller = await ask(`{ license(id: "${license}") { customer { id } }
      customer(id: "${customerId}") { licenses { nodes { a: ${marked} b: ${marked} } } } }`);
    await expect.poll(used).toEqual({ analytics_advanced: 3 });
    await expect.poll(async () => (await held(server)).waiting).toBe(1);

    caller.abort();

    await expect.poll(used).toEqual({ analytics_advanced: 1 });
    await release();
    expect(await lines()).toBe(5);
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('return when it goes while they are drawn, though they are granted behind it', async () => {
    const release = await hold(`select from feature_usage where tenant_id = '${shop.tenantId}' for update`);
    const caller = await ask(
      `{ license(id: "${license}") { advancedAnalytics { operatingSystems { name } } } }`,
    );
    await expect.poll(() => server.machinery.meter.tenants).toBe(1);

    caller.abort();
    const during = await used();
    await release();

    await expect.poll(() => server.machinery.meter.tenants).toBe(0);
    await expect.poll(lines).toBe(3);
    expect([during, await used()]).toEqual([{ analytics_advanced: 1 }, { analytics_advanced: 1 }]);
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('of a mutation stay: it goes on, and is done whole', async () => {
    const release = await hold(`select from licenses where id = '${license}' for update`);
    const input = `input: { licenseId: "${license}", issuedTo: "Bola" }`;
    const caller = await ask(
      `mutation { updateLicense(${input}) { license { advancedAnalytics { operatingSystems { name } } } } }`,
    );
    await expect.poll(async () => (await held(server)).waiting).toBe(1);

    caller.abort();
    await release();

    await expect.poll(used).toEqual({ analytics_advanced: 2 });
    await server.machinery.drain.idle();
    expect(await used()).toEqual({ analytics_advanced: 2 });
    expect(await server.count('licenses', `id = '${license}' and issued_to = 'Bola'`)).toBe(1);
  });
});
