import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PriceLine, priceNaming, priceOf } from '../../src/billing/model/price.js';
import { addDays } from '../../src/core/clock.js';
import { sumOf } from '../../src/core/money.js';
import { planUpgrade } from '../../src/orders/model/upgradePrice.js';
import type { Pricing } from '../../src/templates/model.js';
import { amount, invoiceOf } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  customerIn as customerOf,
  fetchedInvoice,
  line,
  priced,
  textOfInvoice,
} from '../support/invoicePdf.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const customerIn = (language: string) => customerOf(server, shop.admin, language);

const PRICING: Pricing = {
  basePrice: amount('357'),
  currency: 'USD',
  billingCycle: 'ANNUALLY',
  perSeatPrice: null,
  setupFee: amount('499.99'),
  maintenancePercentage: amount('7.5'),
  volumeDiscounts: [
    { minQuantity: 10, maxQuantity: null, discountPercentage: amount('10'), discountAmount: null },
  ],
};

/** As an order of perpetual licenses is billed. */
function orderLines(): readonly PriceLine[] {
  const facts = { quantity: 10, maxActivations: 1, durationMonths: 24, durationDays: 1 };
  const taxes = [{ name: 'VAT', percentage: amount('19') }];
  return priceOf(PRICING, { ...facts, licenseType: 'PERPETUAL' }, taxes).lines;
}

/** As an upgrade is billed in the midst of a year that was paid for, and of its maintenance. */
function upgradeLines(): readonly PriceLine[] {
  const term = { startsAt: START, endsAt: addDays(START, 365), durationMonths: null, currency: 'USD' };
  const held = [
    { ...term, kind: 'LICENSE' as const, price: amount('100') },
    { ...term, kind: 'MAINTENANCE' as const, price: amount('20') },
  ];
  const running = {
    licenseType: 'SUBSCRIPTION',
    expiryDate: term.endsAt,
    maintenanceExpiry: term.endsAt,
  } as const;
  const to = {
    licenseType: 'SUBSCRIPTION',
    maxActivations: 1,
    defaultDuration: 365,
    pricing: PRICING,
  } as const;
  return planUpgrade(running, held, to, [], { now: addDays(START, 200), timeZone: 'UTC' }).price.lines;
}

describe('the language of an invoice', () => {
  test.each([
    [
      'en',
      [
        'Licenses, years: 2 10',
        'Volume discount 1',
        'Maintenance 7.5 % 1',
        'Setup 1',
        'VAT 19 % 1',
        'Upgrade, 165 of 365 days 1',
        'Credit for the license, 165 of 365 days 1',
        'Credit for maintenance, 165 of 365 days 1',
      ],
    ],
    [
      'de',
      [
        'Lizenzen, Jahre: 2 10',
        'Mengenrabatt 1',
        'Wartung 7,5 % 1',
        'Einrichtung 1',
        'VAT 19 % 1',
        'Upgrade, 165 von 365 Tagen 1',
        'Gutschrift für die Lizenz, 165 von 365 Tagen 1',
        'Gutschrift für die Wartung, 165 von 365 Tagen 1',
      ],
    ],
    [
      'fr',
      [
        'Licences, années : 2 10',
        'Remise sur quantité 1',
        'Maintenance 7,5 % 1',
        'Mise en service 1',
        'VAT 19 % 1',
        'Mise à niveau, 165 jours sur 365 1',
        'Avoir sur la licence, 165 jours sur 365 1',
        'Avoir sur la maintenance, 165 jours sur 365 1',
      ],
    ],
    [
      'es',
      [
        'Licencias, años: 2 10',
        'Descuento por volumen 1',
        'Mantenimiento 7,5 % 1',
        'Puesta en marcha 1',
        'VAT 19 % 1',
        'Mejora, 165 de 365 días 1',
        'Abono por la licencia, 165 de 365 días 1',
        'Abono por el mantenimiento, 165 de 365 días 1',
      ],
    ],
  ])('its lines are in the words of %s, for an order as for an upgrade', async (language, expected) => {
    const lines = [...orderLines(), ...upgradeLines()];
    const total = sumOf(lines.map((each) => each.amount));
    const price = priced(lines, 'USD', total);
    const invoice = await invoiceOf(server, shop.admin, { customerId: await customerIn(language), price });

    const text = await textOfInvoice(server, invoice, shop.admin);

    for (const part of expected) expect(text).toContain(part);
    const words = ['Licenses', 'Volume', 'Setup', 'Credit', 'days', 'years'];
    const english = words.filter((word) => new RegExp(`\\b${word}\\b`).test(text));
    expect(english).toEqual(language === 'en' ? words : []);
  });

  test.each([
    ['en', /Größe Pro: Licenses, years: 2 .* Volume discount .* Größe Pro: Maintenance 7.5 %/],
    ['fr', /Größe Pro\s: Licences, années\s: 2 .* Remise sur quantité .* Größe Pro\s: Maintenance 7,5 %/],
  ])('what is sold is named in each line of it, in %s', async (language, expected) => {
    const facts = { quantity: 10, maxActivations: 1, durationMonths: 24, durationDays: 1 };
    const price = priceNaming(priceOf(PRICING, { ...facts, licenseType: 'PERPETUAL' }, []), 'Größe Pro');
    const invoice = await invoiceOf(server, shop.admin, { customerId: await customerIn(language), price });

    expect(price.lines.map(({ description }) => description)).toEqual([
      'Größe Pro: Licenses, years: 2',
      'Volume discount',
      'Größe Pro: Maintenance 7.5 %',
      'Setup',
    ]);
    expect(await textOfInvoice(server, invoice, shop.admin)).toMatch(expected);
  });

  test('a line that is older than its details says what it is for, and its own words below', async () => {
    const lines = [line('LICENSES', 'Licenses, years: 1', 1, '5', '5')];
    const customerId = await customerIn('de');
    const invoice = await invoiceOf(server, shop.admin, { customerId, price: priced(lines, 'EUR', '5') });

    expect(await textOfInvoice(server, invoice, shop.admin)).toContain(
      'Lizenzen Licenses, years: 1 1 5,00 EUR 5,00 EUR',
    );
  });

  test('its language and its title are marked for those who have it read to them', async () => {
    const invoice = await invoiceOf(server, shop.admin, { customerId: await customerIn('fr') });

    const { rawPayload } = await fetchedInvoice(server, invoice.id, shop.admin);

    const task = getDocument({ data: new Uint8Array(rawPayload), useSystemFonts: false, verbosity: 0 });
    const document = await task.promise;
    const { info } = (await document.getMetadata()) as unknown as { info: Record<string, unknown> };
    const shown = await document.getViewerPreferences();
    await task.destroy();
    expect({ title: info.Title, language: info.Language, author: info.Author }).toEqual({
      title: `Facture ${invoice.number}`,
      language: 'fr',
      author: shop.admin.tenant_id,
    });
    expect(shown).toMatchObject({ DisplayDocTitle: true });
  });
});
