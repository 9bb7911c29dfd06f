import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays, addMillis } from '../../src/core/clock.js';
import { eventsDuring } from '../support/acts.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

test('a device whose activation was limited in time and is over activates anew, and holds one seat', async () => {
  const license = await createLicense(server, shop, { expiryDate: addDays(START, 10), maxActivations: 2 });
  const first = await activate(server, license.licenseKey, 'device-1');
  const id = String(first.activation?.id);
  const end = addMillis(server.now, 1000);
  await server.sql`update license_activations set expires_at = ${end} where id = ${id}`;
  await server.sql`update licenses set seats_until = ${end} where id = ${license.id}`;
  server.pass(1000);

  let again: Awaited<ReturnType<typeof activate>> | undefined;
  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    again = await activate(server, license.licenseKey, 'device-1');
  });

  expect(again?.activation?.id).not.toBe(id);
  expect(again?.license).toEqual({ status: 'ACTIVE', currentActivations: 1 });
  expect(events.map(({ type, subjectId }) => [type, subjectId])).toEqual([
    ['activation.deactivated', id],
    ['activation.created', again?.activation?.id],
  ]);
  const [row] =
    await server.sql`select status, deactivation_reason from license_activations where id = ${id}`;
  expect(row).toEqual({ status: 'DEACTIVATED', deactivation_reason: 'Its time was over' });
});
