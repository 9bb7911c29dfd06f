import { describe, expect, test } from 'vitest';
import type { TaxRate } from '../../src/billing/model/price.js';
import { type RenewalPriceFacts, renewalPrice } from '../../src/billing/model/renewalPrice.js';
import type { Amount } from '../../src/core/money.js';
import type { Pricing } from '../../src/templates/model.js';

const amount = (text: string): Amount => text as Amount;

const yearly: Pricing = {
  basePrice: amount('299'),
  currency: 'USD',
  billingCycle: 'ANNUALLY',
  perSeatPrice: amount('29'),
  setupFee: amount('499.99'),
  maintenancePercentage: amount('20'),
  volumeDiscounts: [
    { minQuantity: 10, maxQuantity: null, discountPercentage: amount('10'), discountAmount: null },
  ],
};
const aYear: RenewalPriceFacts = {
  quantity: 1,
  maxActivations: 5,
  licenseType: 'SUBSCRIPTION',
  durationMonths: 12,
  defaultDuration: 365,
};

type Case = readonly [string, Partial<Pricing>, Partial<RenewalPriceFacts>, string[], string];

describe('what a renewal costs, to the cent', () => {
  test.each<Case>([
    ['a year, without setup', {}, {}, ['LICENSES 444'], '444'],
    ['a year begun', {}, { durationMonths: 13 }, ['LICENSES 888'], '888'],
    ['the seats that the license has', {}, { maxActivations: 7 }, ['LICENSES 502'], '502'],
    [
      'months',
      { billingCycle: 'MONTHLY', basePrice: amount('39.99'), perSeatPrice: null },
      { durationMonths: 7 },
      ['LICENSES 279.93'],
      '279.93',
    ],
    ['ten at once have their discount', {}, { quantity: 10 }, ['LICENSES 4440', 'DISCOUNT -444'], '3996'],
    [
      'a perpetual license its maintenance alone',
      {},
      { licenseType: 'PERPETUAL' },
      ['MAINTENANCE 88.8'],
      '88.8',
    ],
    [
      'two years of maintenance are two',
      {},
      { licenseType: 'PERPETUAL', durationMonths: 24 },
      ['MAINTENANCE 177.6'],
      '177.6',
    ],
    [
      'a perpetual license without maintenance nothing',
      { maintenancePercentage: null },
      { licenseType: 'PERPETUAL' },
      [],
      '0',
    ],
    [
      'a one-time price is asked for each term begun',
      { billingCycle: 'ONE_TIME', perSeatPrice: null },
      { durationMonths: 13 },
      ['LICENSES 598'],
      '598',
    ],
    [
      'a one-time price of thirty days is that of a month',
      { billingCycle: 'ONE_TIME', perSeatPrice: null },
      { durationMonths: 3, defaultDuration: 30 },
      ['LICENSES 897'],
      '897',
    ],
    [
      'a one-time price of a fortnight lasts a month at the most',
      { billingCycle: 'ONE_TIME', perSeatPrice: null },
      { durationMonths: 1, defaultDuration: 14 },
      ['LICENSES 299'],
      '299',
    ],
  ])('%s', (_name, pricing, facts, lines, total) => {
    const price = renewalPrice({ ...yearly, ...pricing }, { ...aYear, ...facts }, []);

    expect({ lines: price.lines.map(({ kind, amount: of }) => `${kind} ${of}`), total: price.total }).toEqual(
      {
        lines,
        total,
      },
    );
  });

  test('taxes come on top', () => {
    const vat: TaxRate = { name: 'VAT', percentage: amount('19') };

    const price = renewalPrice(yearly, { ...aYear, licenseType: 'PERPETUAL' }, [vat]);

    expect(price).toMatchObject({ periods: 1, subtotal: '0', discount: '0', tax: '16.87', total: '105.67' });
  });
});
