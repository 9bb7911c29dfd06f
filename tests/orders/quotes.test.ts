import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays, addMonths } from '../../src/core/clock.js';
import { eventsDuring, mutation } from '../support/acts.js';
import {
  createCustomer,
  createLicense,
  createTemplate,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import {
  type Answer,
  type Claims,
  type Json,
  START,
  startTestServer,
  type TestServer,
} from '../support/server.js';
import { askUpgrade, invoiceOf, yearly } from '../support/upgrades.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server, { pricing: yearly('100', { perSeatPrice: '10', setupFee: '49.99' }) });
});
afterAll(() => server.stop());

const template = (input: object) => createTemplate(server, shop.admin, shop.productId, input);
const price =
  'price { currency subtotal discount tax total lines { kind description quantity unitAmount amount } }';

function renewal(licenseId: string, durationMonths: number, as: Claims = shop.admin): Promise<Answer> {
  const query = `query ($licenseId: ID!, $durationMonths: Int!) { renewalQuote(licenseId: $licenseId, durationMonths: $durationMonths) {
    license { id } template { id } durationMonths ${price} expiryDate maintenanceExpiry validUntil } }`;
  return server.graphql(query, { licenseId, durationMonths }, as);
}

function upgrade(licenseId: string, templateId: string, as: Claims = shop.admin): Promise<Answer> {
  const query = `query ($licenseId: ID!, $templateId: ID!) { upgradeQuote(licenseId: $licenseId, templateId: $templateId) {
    license { id } template { id } ${price} expiryDate validUntil } }`;
  return server.graphql(query, { licenseId, templateId }, as);
}

const quoteIn = (answer: Answer, field: string): Json => {
  const quote = answer.data?.[field];
  if (quote === undefined || quote === null) throw new Error(`no quote: ${answer.code}`);
  return quote;
};

describe('renewalQuote', () => {
  test('tells price, new expiry, and until when it holds, and writes nothing', async () => {
    const { id } = await issueLicense(server, shop);
    const expiry = addDays(START, 365);
    let answer: Answer | undefined;

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      answer = await renewal(id, 13);
    });

    expect(events).toEqual([]);
    expect(answer && quoteIn(answer, 'renewalQuote')).toEqual({
      license: { id },
      template: { id: shop.templateId },
      durationMonths: 13,
      price: {
        ...{ currency: 'USD', subtotal: '300', discount: '0', tax: '0', total: '300' },
        lines: [
          {
            kind: 'LICENSES',
            description: 'Professional: Licenses, years: 2',
            quantity: 1,
            unitAmount: '300',
            amount: '300',
          },
        ],
      },
      expiryDate: addMonths(expiry, 13),
      maintenanceExpiry: expiry,
      validUntil: addDays(expiry, 30),
    });
  });

  test('is by the price of today, for the seats that the license has', async () => {
    const templateId = await template({ pricing: yearly('100', { perSeatPrice: '10' }) });
    const { id } = await issueLicense(server, shop, { templateId });
    const dearer = { templateId, pricing: yearly('500', { perSeatPrice: '10' }) };
    await server.ok(mutation('updateTemplate', '__typename'), { input: dearer }, shop.admin);
    const seats = { licenseId: id, maxActivations: 20 };
    await server.ok(mutation('updateLicense', '__typename'), { input: seats }, shop.admin);

    expect(quoteIn(await renewal(id, 12), 'renewalQuote').price).toMatchObject({ total: '700' });
  });

  test('of a perpetual license is of its maintenance', async () => {
    const pricing = yearly('1000', { billingCycle: 'ONE_TIME', maintenancePercentage: '20' });
    const templateId = await template({ licenseType: 'PERPETUAL', pricing });
    const { id } = await issueLicense(server, shop, { templateId });

    const quote = quoteIn(await renewal(id, 12), 'renewalQuote');

    expect(quote).toMatchObject({
      price: { total: '200' },
      expiryDate: null,
      maintenanceExpiry: addMonths(addDays(START, 365), 12),
    });
  });

  test('is refused without a template, where nothing can be renewed, and for no number of months', async () => {
    const bare = await createLicense(server, shop);
    const trial = await issueLicense(server, shop, { trial: true });
    const { id } = await issueLicense(server, shop);

    expect((await renewal(bare.id, 12)).code).toBe('LICENSE_WITHOUT_TEMPLATE');
    expect((await renewal(trial.id, 12)).code).toBe('LICENSE_NOT_RENEWABLE');
    expect((await renewal(id, 0)).code).toBe('INVALID_INPUT');
    expect((await renewal(id, 61)).code).toBe('INVALID_INPUT');
  });
});

describe('upgradeQuote', () => {
  test('is what the upgrade then costs', async () => {
    const templateId = await template({ pricing: yearly('200') });
    const { id } = await issueLicense(server, shop);
    server.pass(100 * 86_400_000);

    const quote = quoteIn(await upgrade(id, templateId), 'upgradeQuote');
    const billed = invoiceOf(await askUpgrade(server, shop.admin, { licenseId: id, templateId }));
    server.now = START;

    expect(quote).toMatchObject({ price: { subtotal: '145.21', discount: '108.9', total: '36.31' } });
    expect(billed.total).toBe('36.31');
  });

  test('counts what a renewal was paid ahead with', async () => {
    const templateId = await template({ pricing: yearly('200') });
    const { id } = await issueLicense(server, shop);
    const input = { licenseId: id, durationMonths: 12 };
    await server.ok(mutation('renewLicense', '__typename'), { input }, shop.admin);

    const quote = quoteIn(await upgrade(id, templateId), 'upgradeQuote');

    expect(quote.price).toMatchObject({
      total: '100',
      lines: [
        { kind: 'UPGRADE', amount: '200' },
        { kind: 'UPGRADE', amount: '200' },
        { kind: 'CREDIT', amount: '-150' },
        { kind: 'CREDIT', amount: '-150' },
      ],
    });
  });

  test('is by what the version said that was bought', async () => {
    const bought = await template({ pricing: yearly('120') });
    const templateId = await template({ pricing: yearly('365') });
    const { id } = await issueLicense(server, shop, { templateId: bought });
    const free = { templateId: bought, pricing: yearly('0') };
    await server.ok(mutation('updateTemplate', '__typename'), { input: free }, shop.admin);

    expect(quoteIn(await upgrade(id, templateId), 'upgradeQuote').price).toMatchObject({ total: '245' });
  });

  test("a day ends by the tenant's clock, and the quote with it", async () => {
    const other = await openShop(server);
    const settings = { timeZone: 'Asia/Tokyo' };
    await server.ok(mutation('updateTenantSettings', '__typename'), { input: settings }, other.admin);
    const templateId = await createTemplate(server, other.admin, other.productId, { pricing: yearly('465') });
    const { id } = await issueLicense(server, other);
    server.now = `${addDays(START, 1).slice(0, 10)}T16:00:00.000Z` as typeof START;

    const quote = quoteIn(await upgrade(id, templateId, other.admin), 'upgradeQuote');
    server.now = START;

    expect(quote.validUntil).toBe(`${addDays(START, 2).slice(0, 10)}T15:00:00.000Z`);
  });
});

describe('who may', () => {
  test('customers and resellers ask for their own licenses', async () => {
    const templateId = await template({ pricing: yearly('200') });
    const { id } = await issueLicense(server, shop);
    const { tenant_id } = shop.admin;
    const own: Claims = { tenant_id, roles: ['customer'], customer_id: shop.customerId };
    const other = { ...own, customer_id: await createCustomer(server, shop.admin, 'Grace') };

    expect((await renewal(id, 12, own)).code).toBeUndefined();
    expect((await upgrade(id, templateId, own)).code).toBeUndefined();
    expect((await renewal(id, 12, other)).code).toBe('LICENSE_NOT_FOUND');
    expect((await upgrade(id, templateId, other)).code).toBe('LICENSE_NOT_FOUND');
    expect((await renewal(id, 12, { tenant_id, roles: ['application'] })).code).toBe('FORBIDDEN');
  });
});
