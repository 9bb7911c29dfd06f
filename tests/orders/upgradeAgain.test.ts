import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { eventsDuring, mutation } from '../support/acts.js';
import { createTemplate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Json, START, startTestServer, type TestServer } from '../support/server.js';
import { askUpgrade, invoiceOf, payInvoice, yearly } from '../support/upgrades.js';

let server: TestServer;
let shop: Shop;
let dearer: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  dearer = await template('200');
});
beforeEach(() => {
  server.now = START;
});
afterAll(() => server.stop());

const template = (price: string) =>
  createTemplate(server, shop.admin, shop.productId, { pricing: yearly(price) });
const license = async () => (await issueLicense(server, shop)).id;
const upgrade = (licenseId: string, templateId: string, more: object = {}) =>
  askUpgrade(server, shop.admin, { licenseId, templateId, ...more });
const act = (name: string, input: object) => server.ok(mutation(name, '__typename'), { input }, shop.admin);

/** Of all that were asked for of a license: how they stand, and whether their bills are void. */
async function asked(licenseId: string): Promise<unknown[]> {
  const rows = await server.sql`select u.status, i.voided_at is not null as void from license_upgrades u
    left join invoices i on i.tenant_id = u.tenant_id and i.id = u.invoice_id
    where u.license_id = ${licenseId} order by u.created_at, u.id`;
  return rows.map((row) => [row.status, row.void]);
}

describe('an upgrade that waits and is asked for again', () => {
  test('is answered as it is, with its bill: nothing is written and nothing told', async () => {
    const id = await license();
    const first = await upgrade(id, dearer);

    let again: Json = {};
    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      again = await upgrade(id, dearer);
    });

    expect(again).toEqual(first);
    expect(events).toEqual([]);
    expect(await asked(id)).toEqual([['PENDING', false]]);
  });

  test.each([
    ['a week later, at the price that was agreed on', 7],
    ['after it was due, where it would not cost more by now', 20],
  ])('is so %s', async (_, days) => {
    const id = await license();
    const first = await upgrade(id, dearer);

    server.now = addDays(START, days);
    const again = await upgrade(id, dearer);

    expect(invoiceOf(again)).toEqual(invoiceOf(first));
    expect(await asked(id)).toEqual([['PENDING', false]]);
  });

  test('is so too when a part of its bill is paid, and is done by the rest', async () => {
    const id = await license();
    const first = await upgrade(id, dearer);
    const { id: invoiceId } = invoiceOf(first);
    await payInvoice(server, shop.admin, invoiceId, '40');

    const again = await upgrade(id, dearer);
    await payInvoice(server, shop.admin, invoiceId, '60');

    expect(invoiceOf(again).id).toBe(invoiceId);
    expect(await asked(id)).toEqual([['DONE', false]]);
  });

  test('by twenty at once is billed once, and all are answered the same', async () => {
    const id = await license();

    const answers = await Promise.all(Array.from({ length: 20 }, () => upgrade(id, dearer)));

    expect(new Set(answers.map((answer) => String(invoiceOf(answer).id))).size).toBe(1);
    expect(await asked(id)).toEqual([['PENDING', false]]);
    const requested = "event_type = 'license.upgrade_requested'";
    expect(await server.count('license_event_logs', `${requested} and license_id = '${id}'`)).toBe(1);
  });
});

describe('another question takes the place of the upgrade that waits', () => {
  test.each<readonly [string, (id: string, target: string) => Promise<unknown>, string]>([
    ['another template', async (id) => upgrade(id, await template('300')), 'PENDING'],
    [
      'another version of the template',
      async (id, target) => {
        await act('updateTemplate', { templateId: target, pricing: yearly('250') });
        return upgrade(id, target);
      },
      'PENDING',
    ],
    [
      'a license that was changed since',
      async (id, target) => {
        await act('updateLicense', { licenseId: id, expiryDate: addDays(START, 700) });
        return upgrade(id, target);
      },
      'PENDING',
    ],
    ['one for which nothing is asked', (id, target) => upgrade(id, target, { waivePayment: true }), 'DONE'],
  ])('as %s', async (_, again, status) => {
    const id = await license();
    const target = await template('200');
    await upgrade(id, target);

    await again(id, target);

    expect(await asked(id)).toEqual([
      ['CANCELLED', true],
      [status, false],
    ]);
  });
});
