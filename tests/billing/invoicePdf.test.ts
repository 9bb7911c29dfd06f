import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settleRefund } from '../../src/billing/service/refund.js';
import { settlePayment } from '../../src/billing/service/settle.js';
import { voidUnpaid } from '../../src/billing/service/voidUnpaid.js';
import type { Invoice } from '../../src/billing/table.js';
import { mutation } from '../support/acts.js';
import { acting, invoiceOf, told } from '../support/billing.js';
import { createCustomer, openShop, type Shop } from '../support/fixtures.js';
import {
  customerIn as customerOf,
  fetchedInvoice,
  line,
  pagesOf,
  priced,
  textOfInvoice,
} from '../support/invoicePdf.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  const input = {
    branding: {
      companyName: 'Radar Networks',
      companyAddress: '1 Main Street\n12345 Town',
      primaryColor: '#008000',
    },
    invoices: { taxId: 'DE 123 456 789', dueDays: 10 },
  };
  await server.ok(mutation('updateTenantSettings', '__typename'), { input }, shop.admin);
});
afterAll(() => server.stop());

const fetched = (id: string, as?: Claims) => fetchedInvoice(server, id, as);
const textOf = (invoice: Pick<Invoice, 'id'>) => textOfInvoice(server, invoice, shop.admin);
const customerIn = (language: string | null, name?: string) => customerOf(server, shop.admin, language, name);

describe('what an invoice says', () => {
  test('number, dates, seller, buyer, every line, taxes, total, and what was paid and paid back', async () => {
    const lines = [
      line('LICENSES', 'Licenses, years: 1', 25, '99.99', '2499.75'),
      line('DISCOUNT', 'Volume discount', 1, '-249.98', '-249.98'),
      line('TAX', 'VAT 19 %', 1, '427.46', '427.46'),
    ];
    const customerId = await customerIn('en');
    const invoice = await invoiceOf(server, shop.admin, {
      customerId,
      price: priced(lines, 'EUR', '2677.23'),
    });
    await acting(server, shop.admin, async (work) => {
      await settlePayment(work, invoice, told(server, 'pi_77', '2677.23'));
      await settleRefund(work, invoice, told(server, 're_77', '100'));
    });

    const text = await textOf(invoice);

    for (const part of [
      `Invoice ${invoice.number}`,
      'Radar Networks',
      '1 Main Street 12345 Town',
      'Tax ID: DE 123 456 789',
      'Bill to Größe & Söhne',
      'Date March 1, 2026',
      'Due March 11, 2026',
      'Status Paid',
      'Licenses, years: 1 25 EUR 99.99 EUR 2,499.75',
      'Volume discount 1 -EUR 249.98 -EUR 249.98',
      'VAT 19 % 1 EUR 427.46 EUR 427.46',
      'Total EUR 2,677.23',
      'Paid EUR 2,677.23',
      'Refunded EUR 100.00',
      'Amount due EUR 0.00',
      'March 1, 2026 Payment Stripe, pi_77 EUR 2,677.23',
      'March 1, 2026 Refund Stripe, re_77 -EUR 100.00',
      'Page 1 of 1',
    ]) {
      expect(text).toContain(part);
    }
  });

  test.each([
    ['de', 'EUR', 'Rechnung', 'Gesamtbetrag 1.234,50 EUR'],
    ['fr', 'EUR', 'Facture', 'Total 1 234,50 EUR'],
    ['es', 'EUR', 'Factura', 'Total 1234,50 EUR'],
    ['en', 'JPY', 'Invoice', 'Total JPY 1,235'],
    ['en', 'KWD', 'Invoice', 'Total KWD 1,234.500'],
    ['de', 'CLF', 'Rechnung', 'Gesamtbetrag 1.234,5000 CLF'],
    ['en', 'USD', 'Invoice', 'Total USD 999,999,999,999,999.99'],
  ])('in %s, in %s, with the digits of the currency', async (language, currency, title, total) => {
    const sums: Readonly<Record<string, string>> = { JPY: '1235', USD: '999999999999999.99' };
    const sum = sums[currency] ?? '1234.5';
    const lines = [line('LICENSES', 'Licenses', 1, sum, sum)];
    const price = priced(lines, currency, sum);
    const invoice = await invoiceOf(server, shop.admin, { customerId: await customerIn(language), price });

    const text = await textOf(invoice);

    expect(text).toContain(title);
    expect(text).toContain(total);
  });

  test('that it was voided', async () => {
    const invoice = await invoiceOf(server, shop.admin, { customerId: shop.customerId });
    await acting(server, shop.admin, (work) => voidUnpaid(work, invoice, 'x'));

    expect(await textOf(invoice)).toContain('Status Void');
  });

  test('who sold and who bought as they were, whatever they are called and wherever they are now', async () => {
    const customerId = await customerIn('en', 'Before');
    const changed = (input: object) =>
      server.ok(mutation('updateCustomer', '__typename'), { input: { customerId, ...input } }, shop.admin);
    await changed({ billingAddress: '2 Side Street\n54321 Town', taxId: 'FR 40' });
    const invoice = await invoiceOf(server, shop.admin, { customerId });
    await changed({ name: 'Behind', billingAddress: '3 Behind Street', taxId: null });

    const text = await textOf(invoice);

    expect([invoice.billToAddress, invoice.billToTaxId]).toEqual(['2 Side Street\n54321 Town', 'FR 40']);
    expect(text).toContain('Bill to Before 2 Side Street 54321 Town Tax ID: FR 40');
    expect(text).not.toContain('Behind');
  });
});

describe('what it is made of', () => {
  test('of a reseller that buys for itself, where it is', async () => {
    const { data } = await server.graphql(
      mutation('createReseller', 'reseller { id }'),
      { input: { name: 'North', billingAddress: '4 High Street', taxId: 'DE 4' } },
      shop.admin,
    );
    const { id } = await invoiceOf(server, shop.admin, {
      resellerId: String(data?.createReseller?.reseller?.id),
    });

    const query = 'query ($id: ID!) { invoice(id: $id) { billTo billToAddress billToTaxId } }';
    const { invoice } = await server.ok(query, { id }, shop.admin);

    expect(invoice).toEqual({ billTo: 'North', billToAddress: '4 High Street', billToTaxId: 'DE 4' });
    expect(await textOf({ id })).toContain('Bill to North 4 High Street Tax ID: DE 4');
  });

  test('the same facts are the same bytes', async () => {
    const invoice = await invoiceOf(server, shop.admin, { customerId: shop.customerId });

    const first = await fetched(invoice.id, shop.admin);
    server.pass(5_000);
    const second = await fetched(invoice.id, shop.admin);

    expect(first.rawPayload.equals(second.rawPayload)).toBe(true);
  });

  test('500 lines go over pages, each with its figures, and 100 payments with a word of the rest', {
    timeout: 60_000,
  }, async () => {
    const lines = Array.from({ length: 500 }, (_, index) =>
      line('LICENSES', `Position ${index}`, index + 1, '1.01', '1.01'),
    );
    const customerId = await customerIn('en');
    const invoice = await invoiceOf(server, shop.admin, { customerId, price: priced(lines, 'EUR', '505') });
    await acting(server, shop.admin, async (work) => {
      for (let index = 0; index < 103; index += 1) {
        await settlePayment(work, invoice, told(server, `pi_many_${index}`, '1'));
      }
    });

    const { rawPayload } = await fetched(invoice.id, shop.admin);

    const pages = await pagesOf(rawPayload);
    const text = pages.join(' ');
    expect(pages.length).toBeGreaterThan(10);
    for (const [index] of lines.entries()) {
      expect(text).toContain(`Position ${index} ${index + 1} EUR 1.01 EUR 1.01`);
    }
    for (const page of pages.slice(0, 10)) expect(page).toContain('Description Quantity Unit price Amount');
    expect(text).toContain('pi_many_99');
    expect(text).not.toContain('pi_many_100');
    expect(text).toContain('and 3 more');
    expect(pages.at(-1)).toContain(`Page ${pages.length} of ${pages.length}`);
    expect(rawPayload.length).toBeLessThan(300_000);
  });

  test.each([
    ['of 255 letters without a space', 'W'.repeat(255), undefined],
    ['in Chinese', '漢字株式会社', '\ufffd'.repeat(6)],
    ['in Hebrew and Arabic', 'שלום عربى', undefined],
    ['of signs past the first plane', '😀 Ltd', '\ufffd Ltd'],
    ['that turns its direction', 'Ada\u202egnp.exe', 'Ada gnp.exe'],
    ['that would be a template', '{{7*7}} %s <b>bold</b> =1+1', '{{7*7}} %s <b>bold</b> =1+1'],
    ['in Greek and Cyrillic', 'Ωμέγα Кремль', 'Ωμέγα Кремль'],
  ])('a name %s is text like any other', async (_what, name, shown) => {
    const customerId = await createCustomer(server, shop.admin, 'Ada');
    await server.sql`update customers set name = ${name} where id = ${customerId}`;
    const invoice = await invoiceOf(server, shop.admin, { customerId });

    const text = await textOf(invoice);

    if (shown !== undefined) expect(text).toContain(shown);
    expect(text).toContain('Total EUR 100.00');
    expect(text.includes('lacks some characters')).toBe(/[\u0590-\u06ff\u4e00-\u9fff]|😀/.test(name));
  });
});

describe('who gets it', () => {
  test('whoever sees the invoice, as a file that is kept nowhere', async () => {
    const resellerId = await createReseller(server, shop.admin);
    const { customerId } = shop;
    const invoice = await invoiceOf(server, shop.admin, { customerId, resellerId });
    const { tenant_id } = shop.admin;

    for (const as of [
      shop.admin,
      { tenant_id, roles: ['customer'], customer_id: customerId },
      { tenant_id, roles: ['reseller'], reseller_id: resellerId },
    ] as const) {
      const { statusCode, headers, rawPayload } = await fetched(invoice.id, as);
      expect(statusCode).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'application/pdf',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-disposition': `attachment; filename="${invoice.number}.pdf"`,
      });
      expect(rawPayload.subarray(0, 5).toString()).toBe('%PDF-');
    }
  });

  test('nobody else: what is not his is not there', async () => {
    const invoice = await invoiceOf(server, shop.admin, { customerId: shop.customerId });
    const { tenant_id } = shop.admin;
    const foreign = await openShop(server);
    const stranger = await createCustomer(server, shop.admin, 'Eve');
    const none = '00000000-0000-7000-8000-000000000000';

    const asked = [
      fetched(invoice.id),
      fetched(invoice.id, { tenant_id, permissions: ['order.read'] }),
      fetched(invoice.id, foreign.admin),
      fetched(invoice.id, { tenant_id, roles: ['customer'], customer_id: stranger }),
      fetched(none, shop.admin),
      fetched(invoice.number, shop.admin),
      fetched('%2e%2e%2fetc', shop.admin),
    ];

    const statuses = (await Promise.all(asked)).map(({ statusCode }) => statusCode);
    expect(statuses).toEqual([401, 403, 404, 404, 404, 404, 404]);
  });

  test('many who ask at once each get theirs', async () => {
    const invoices = await Promise.all(
      Array.from({ length: 8 }, () => invoiceOf(server, shop.admin, { customerId: shop.customerId })),
    );

    const texts = await Promise.all(invoices.map((invoice) => textOf(invoice)));

    expect(texts.map((text, index) => text.includes(invoices[index]?.number ?? '-'))).toEqual(
      invoices.map(() => true),
    );
  });
});
