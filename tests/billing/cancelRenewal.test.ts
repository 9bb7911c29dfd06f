import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { mutation, refused } from '../support/acts.js';
import type { Shop } from '../support/fixtures.js';
import { openRenewalShop, openRenewals, renewingLicense, standing, toldOf } from '../support/renewing.js';
import { type Claims, type Json, START, type TestServer } from '../support/server.js';

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stop } = await openRenewals());
});
beforeEach(() => {
  server.now = START;
});
afterAll(() => stop());

const renew = () => server.jobs.run('license.renew');
const RENEWAL = 'renewal { id status way invoice { id number dueAt voidedAt voidReason } }';
const own = ({ admin, customerId }: Shop): Claims => ({
  ...admin,
  roles: ['customer'],
  customer_id: customerId,
});

async function request(as: Claims, licenseId: string, durationMonths = 24): Promise<Json> {
  const input = { licenseId, durationMonths };
  const data = await server.ok(mutation('requestRenewal', RENEWAL), { input }, as);
  return data.requestRenewal?.renewal as Json;
}
async function cancel(as: Claims, renewalId: unknown, reason?: string): Promise<Json> {
  const input = { renewalId, ...(reason === undefined ? {} : { reason }) };
  return (await server.ok(mutation('cancelRenewal', RENEWAL), { input }, as)).cancelRenewal?.renewal as Json;
}
const refusedCancel = (as: Claims, code: RefusalCode, renewalId: unknown) =>
  refused(server, as, code, () =>
    server.graphql(mutation('cancelRenewal', '__typename'), { input: { renewalId } }, as),
  );
const renewalOf = async (licenseId: string) =>
  (await server.sql`select id from renewals where license_id = ${licenseId} order by created_at desc`)[0]?.id;
async function pay(shop: Shop, invoiceId: unknown, amount: string): Promise<void> {
  const input = { invoiceId, amount };
  await server.ok(mutation('recordPayment', '__typename'), { input }, shop.admin);
}

describe('a renewal that was asked for', () => {
  test('is called off by the customer, with its invoice, and the license renews itself again', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    const asked = await request(own(shop), licenseId);

    const cancelled = await cancel(own(shop), asked.id, 'Too long');
    const again = await cancel(own(shop), asked.id);
    await renew();

    expect(cancelled).toMatchObject({
      status: 'CANCELLED',
      way: 'BY_HAND',
      invoice: { number: 'INV-2026-000001', voidedAt: START, voidReason: 'Too long' },
    });
    expect(again).toEqual(cancelled);
    expect(await standing(server, licenseId)).toEqual([
      'CANCELLED, attempts 0, PENDING 0, VOID',
      'RENEWED, attempts 1, PAID 100',
    ]);
  });

  test('is not called off once money lies on it, or it is over', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const [part, paid] = [await renewingLicense(server, shop), await renewingLicense(server, shop)];
    const [first, second] = [await request(own(shop), part), await request(own(shop), paid)];
    await pay(shop, first.invoice?.id, '40');
    await pay(shop, second.invoice?.id, '200');

    await refusedCancel(own(shop), 'INVOICE_PAID', first.id);
    await refusedCancel(own(shop), 'INVALID_TRANSITION', second.id);
  });

  test('is one thing, and what renews itself by the clock another', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const licenseId = await renewingLicense(server, shop);
    await renew();

    await refusedCancel(own(shop), 'INVALID_TRANSITION', await renewalOf(licenseId));
  });

  test("is nobody else's to call off", async () => {
    const shop = await openRenewalShop(server, { method: null });
    const other = await openRenewalShop(server, { method: null });
    const asked = await request(own(shop), await renewingLicense(server, shop));

    await refusedCancel(other.admin, 'RENEWAL_NOT_FOUND', asked.id);
    await refusedCancel({ ...own(shop), customer_id: other.customerId }, 'RENEWAL_NOT_FOUND', asked.id);
    await refusedCancel({ ...shop.admin, roles: ['support'] }, 'FORBIDDEN', asked.id);
  });
});

describe('a license that renews itself', () => {
  test('does so a day before its end when what was asked for is not paid, and not before', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    const asked = await request(own(shop), licenseId);

    await renew();
    server.now = addDays(START, 1);
    server.pass(-1);
    await renew();
    const before = await standing(server, licenseId);
    server.pass(1);
    await renew();

    expect(asked.invoice?.dueAt).toBe(addDays(START, 1));
    expect(before).toEqual(['OPEN, attempts 0, PENDING 0']);
    expect(await standing(server, licenseId)).toEqual([
      'CANCELLED, attempts 0, PENDING 0, VOID',
      'RENEWED, attempts 1, PAID 100',
    ]);
    expect((await toldOf(server, licenseId)).at(-1)).toBe(
      'license.renewed CHARGE to 2027-03-03T12:00:00.000Z',
    );
  });

  test('waits for what was asked for where nobody can be charged, where a part is paid, or the clock was voided', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const paying = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    const [part, voided] = [await renewingLicense(server, paying), await renewingLicense(server, paying)];
    await server.sql`insert into renewals (tenant_id, id, license_id, expiry_date, way, status, duration_months, created_at, updated_at)
      values (${paying.admin.tenant_id}, gen_random_uuid()::text, ${voided}, ${addDays(START, 2)}, 'AUTOMATIC', 'VOIDED', 12, ${START}, ${START})`;
    await request(own(shop), licenseId);
    await pay(paying, (await request(own(paying), part)).invoice?.id, '1');
    server.pass(1000);
    await request(own(paying), voided);

    server.now = addDays(START, 1.5);
    await renew();

    expect(await standing(server, licenseId)).toEqual(['OPEN, attempts 0, PENDING 0']);
    expect(await standing(server, part)).toEqual(['OPEN, attempts 0, PARTIAL 1']);
    expect((await standing(server, voided))[1]).toBe('OPEN, attempts 0, PENDING 0');
  });

  test('is renewed once, whether the customer pays, calls off, or the clock takes over at that moment', async () => {
    const shop = await openRenewalShop(server);
    const licenses = await Promise.all(Array.from({ length: 9 }, () => renewingLicense(server, shop)));
    const asked = await Promise.all(licenses.map((licenseId) => request(own(shop), licenseId, 12)));

    server.now = addDays(START, 1);
    await Promise.all([
      renew(),
      ...asked.map(({ id, invoice }, index) =>
        index % 3 === 0
          ? server.graphql(mutation('cancelRenewal', '__typename'), { input: { renewalId: id } }, own(shop))
          : server.graphql(
              mutation('recordPayment', '__typename'),
              { input: { invoiceId: invoice?.id, amount: '100' } },
              shop.admin,
            ),
      ),
    ]);
    await renew();

    for (const licenseId of licenses) {
      const renewed = (await toldOf(server, licenseId)).filter((line) => line.startsWith('license.renewed'));
      expect(renewed.map((line) => line.split(' to ')[1])).toEqual(['2027-03-03T12:00:00.000Z']);
    }
  });
});
