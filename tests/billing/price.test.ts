import { describe, expect, test } from 'vitest';
import {
  type Price,
  type PriceFacts,
  periodsOf,
  priceOf,
  type TaxRate,
} from '../../src/billing/model/price.js';
import { isCurrency, minorUnitsOf } from '../../src/core/currencies.js';
import type { Amount } from '../../src/core/money.js';
import { Refusal } from '../../src/core/refusal.js';
import type { Pricing, VolumeDiscount } from '../../src/templates/model.js';

const amount = (text: string): Amount => text as Amount;

const noPrice: Pricing = {
  basePrice: amount('0'),
  currency: 'USD',
  billingCycle: 'ONE_TIME',
  perSeatPrice: null,
  setupFee: null,
  maintenancePercentage: null,
  volumeDiscounts: [],
};
const aYear: PriceFacts = {
  quantity: 1,
  maxActivations: 1,
  licenseType: 'SUBSCRIPTION',
  durationMonths: null,
  durationDays: 365,
};

function tier(
  minQuantity: number,
  maxQuantity: number | null,
  percentage: string,
  fixed?: string,
): VolumeDiscount {
  return {
    minQuantity,
    maxQuantity,
    discountPercentage: amount(percentage),
    discountAmount: fixed === undefined ? null : amount(fixed),
  };
}

function priced(pricing: Partial<Pricing>, facts: Partial<PriceFacts> = {}, taxes: readonly TaxRate[] = []) {
  return priceOf({ ...noPrice, ...pricing }, { ...aYear, ...facts }, taxes);
}

const kinds = (price: Price): string[] => price.lines.map((line) => `${line.kind} ${line.amount}`);

const enterprise: Partial<Pricing> = {
  basePrice: amount('299'),
  billingCycle: 'ANNUALLY',
  perSeatPrice: amount('29'),
  maintenancePercentage: amount('20'),
  volumeDiscounts: [tier(10, 49, '10'), tier(50, 99, '20'), tier(100, null, '30')],
};

describe('a price, to the cent', () => {
  const cases: readonly [
    string,
    Partial<Pricing>,
    Partial<PriceFacts>,
    readonly TaxRate[],
    string[],
    string,
  ][] = [
    [
      'base and seats, times quantity',
      { basePrice: amount('299'), perSeatPrice: amount('29'), billingCycle: 'ANNUALLY' },
      { maxActivations: 50, quantity: 3 },
      [],
      ['LICENSES 5247'],
      '5247',
    ],
    [
      'one below a tier has no discount',
      enterprise,
      { maxActivations: 50, quantity: 9 },
      [],
      ['LICENSES 15741'],
      '15741',
    ],
    [
      'the first of a tier has it on all of them',
      enterprise,
      { maxActivations: 50, quantity: 10 },
      [],
      ['LICENSES 17490', 'DISCOUNT -1749'],
      '15741',
    ],
    [
      'the last of a tier',
      enterprise,
      { maxActivations: 50, quantity: 49 },
      [],
      ['LICENSES 85701', 'DISCOUNT -8570.1'],
      '77130.9',
    ],
    [
      'a tier without an end, and the largest quantity',
      enterprise,
      { maxActivations: 50, quantity: 1_000_000 },
      [],
      ['LICENSES 1749000000', 'DISCOUNT -524700000'],
      '1224300000',
    ],
    [
      'maintenance of the discounted price, where it is perpetual',
      enterprise,
      { maxActivations: 50, quantity: 10, licenseType: 'PERPETUAL' },
      [],
      ['LICENSES 17490', 'DISCOUNT -1749', 'MAINTENANCE 3148.2'],
      '18889.2',
    ],
    [
      'a third of a dollar off is rounded half up',
      { basePrice: amount('1'), volumeDiscounts: [tier(1, null, '33.3333')] },
      {},
      [],
      ['LICENSES 1', 'DISCOUNT -0.33'],
      '0.67',
    ],
    [
      'half a cent goes up in every line',
      {
        basePrice: amount('0.1'),
        setupFee: amount('0.01'),
        maintenancePercentage: amount('5'),
        volumeDiscounts: [tier(1, 1, '5')],
      },
      { licenseType: 'PERPETUAL' },
      [{ name: 'VAT', percentage: amount('50') }],
      ['LICENSES 0.1', 'DISCOUNT -0.01', 'SETUP 0.01', 'TAX 0.05'],
      '0.15',
    ],
    [
      'the larger of percentage and amount',
      { basePrice: amount('100'), volumeDiscounts: [tier(1, null, '10', '10.01')] },
      {},
      [],
      ['LICENSES 100', 'DISCOUNT -10.01'],
      '89.99',
    ],
    [
      'the percentage, where it is the larger',
      { basePrice: amount('100'), volumeDiscounts: [tier(1, null, '10', '9.99')] },
      {},
      [],
      ['LICENSES 100', 'DISCOUNT -10'],
      '90',
    ],
    [
      'no discount over the subtotal, and the setup fee stays',
      { basePrice: amount('5'), setupFee: amount('49.99'), volumeDiscounts: [tier(1, null, '0', '500')] },
      {},
      [],
      ['LICENSES 5', 'DISCOUNT -5', 'SETUP 49.99'],
      '49.99',
    ],
    [
      'of tiers that overlap, the one that begins last',
      {
        basePrice: amount('10'),
        volumeDiscounts: [tier(1, null, '50'), tier(5, null, '10'), tier(9, null, '90')],
      },
      { quantity: 5 },
      [],
      ['LICENSES 50', 'DISCOUNT -5'],
      '45',
    ],
    [
      'of tiers that begin together, the one that takes most off',
      {
        basePrice: amount('10'),
        volumeDiscounts: [tier(2, null, '10'), tier(2, 9, '0', '7'), tier(2, 9, '20')],
      },
      { quantity: 2 },
      [],
      ['LICENSES 20', 'DISCOUNT -7'],
      '13',
    ],
    [
      'setup once, whatever the quantity, and taxes beside each other on all of it',
      { basePrice: amount('39.99'), setupFee: amount('49.99') },
      { quantity: 3 },
      [
        { name: 'State', percentage: amount('6.25') },
        { name: 'City', percentage: amount('1.125') },
      ],
      ['LICENSES 119.97', 'SETUP 49.99', 'TAX 10.62', 'TAX 1.91'],
      '182.49',
    ],
    [
      'what is set up is not set up again',
      { basePrice: amount('39.99'), setupFee: amount('49.99') },
      { isSetUp: true },
      [],
      ['LICENSES 39.99'],
      '39.99',
    ],
    [
      'yen have no smaller part',
      { basePrice: amount('333'), currency: 'JPY', volumeDiscounts: [tier(1, null, '33.3333')] },
      { quantity: 1 },
      [{ name: 'CT', percentage: amount('10') }],
      ['LICENSES 333', 'DISCOUNT -111', 'TAX 22'],
      '244',
    ],
    [
      'dinars have a thousand fils',
      { basePrice: amount('0.125'), currency: 'BHD', volumeDiscounts: [tier(1, null, '33.3333')] },
      { quantity: 3 },
      [{ name: 'VAT', percentage: amount('10') }],
      ['LICENSES 0.375', 'DISCOUNT -0.125', 'TAX 0.025'],
      '0.275',
    ],
    [
      'what is free has one line and every tax its own',
      { volumeDiscounts: [tier(1, null, '10', '5')], setupFee: amount('0') },
      { quantity: 1_000_000 },
      [{ name: 'VAT', percentage: amount('19') }],
      ['LICENSES 0', 'TAX 0'],
      '0',
    ],
    [
      'a finer price than the currency has is rounded in the line, not in the unit',
      { basePrice: amount('0.0333') },
      { quantity: 3 },
      [],
      ['LICENSES 0.1'],
      '0.1',
    ],
  ];

  test.each(cases)('%s', (_name, pricing, facts, taxes, lines, total) => {
    const price = priced(pricing, facts, taxes);

    expect({ lines: kinds(price), total: price.total }).toEqual({ lines, total });
  });

  test('says what each part is', () => {
    const taxes = [{ name: 'VAT', percentage: amount('19') }];
    const facts = { maxActivations: 2, quantity: 10, durationMonths: 24, licenseType: 'PERPETUAL' } as const;

    const price = priced({ ...enterprise, setupFee: amount('499.99') }, facts, taxes);

    expect(price).toEqual({
      currency: 'USD',
      periods: 2,
      lines: [
        {
          kind: 'LICENSES',
          description: 'Licenses, years: 2',
          detail: { periods: { cycle: 'ANNUALLY', count: 2 } },
          quantity: 10,
          unitAmount: '714',
          amount: '7140',
        },
        {
          kind: 'DISCOUNT',
          description: 'Volume discount',
          detail: {},
          quantity: 1,
          unitAmount: '-714',
          amount: '-714',
        },
        {
          kind: 'MAINTENANCE',
          description: 'Maintenance 20 %',
          detail: { percentage: '20' },
          quantity: 1,
          unitAmount: '1285.2',
          amount: '1285.2',
        },
        {
          kind: 'SETUP',
          description: 'Setup',
          detail: {},
          quantity: 1,
          unitAmount: '499.99',
          amount: '499.99',
        },
        {
          kind: 'TAX',
          description: 'VAT 19 %',
          detail: { name: 'VAT', percentage: '19' },
          quantity: 1,
          unitAmount: '1560.13',
          amount: '1560.13',
        },
      ],
      subtotal: '7140',
      discount: '714',
      tax: '1560.13',
      total: '9771.32',
    });
  });
});

describe('the billing cycles of a duration', () => {
  test.each([
    ['MONTHLY', 1, 365, 1],
    ['MONTHLY', null, 1, 1],
    ['MONTHLY', null, 30, 1],
    ['MONTHLY', null, 31, 2],
    ['MONTHLY', null, 90, 3],
    ['MONTHLY', null, 364, 12],
    ['MONTHLY', null, 365, 12],
    ['MONTHLY', null, 366, 13],
    ['MONTHLY', null, 730, 24],
    ['MONTHLY', 13, 365, 13],
    ['QUARTERLY', null, 91, 1],
    ['QUARTERLY', null, 92, 2],
    ['QUARTERLY', null, 365, 4],
    ['QUARTERLY', null, 366, 5],
    ['QUARTERLY', 12, 1, 4],
    ['QUARTERLY', 13, 1, 5],
    ['ANNUALLY', null, 1, 1],
    ['ANNUALLY', null, 365, 1],
    ['ANNUALLY', null, 366, 2],
    ['ANNUALLY', null, 731, 3],
    ['ANNUALLY', 12, 1, 1],
    ['ANNUALLY', 13, 1, 2],
    ['ONE_TIME', 60, 36_500, 1],
  ] as const)('%s: %s months or %i days are %i', (billingCycle, durationMonths, durationDays, periods) => {
    expect(periodsOf(billingCycle, { durationMonths, durationDays })).toBe(periods);
  });

  test('a longer duration never takes fewer', () => {
    const cycles = ['MONTHLY', 'QUARTERLY', 'ANNUALLY', 'ONE_TIME'] as const;
    const falling = cycles.flatMap((cycle) =>
      Array.from({ length: 1500 }, (_, index) => index + 1).filter((durationDays) => {
        const of = (days: number) => periodsOf(cycle, { durationMonths: null, durationDays: days });
        return of(durationDays + 1) < of(durationDays);
      }),
    );

    expect(falling).toEqual([]);
  });
});

describe('what cannot be billed', () => {
  const most = amount('999999999999999.9999');

  test('is refused by name, in whichever line it appears', () => {
    const beyond = [
      () => priced({ basePrice: amount('999999999.99'), currency: 'USD' }, { quantity: 1_000_001 }),
      () => priced({ basePrice: amount('1'), perSeatPrice: most }, { maxActivations: 2 }),
      () => priced({ basePrice: amount('600000000000000'), setupFee: amount('600000000000000') }),
      () => priced({ basePrice: most }),
    ];

    for (const act of beyond) {
      expect(act).toThrow(Refusal);
      expect(act).toThrow(expect.objectContaining({ code: 'PRICE_TOO_LARGE' }));
    }
  });

  test('what just fits is priced', () => {
    const price = priced({ basePrice: amount('999999999.99') }, { quantity: 1_000_000 });

    expect(price.total).toBe('999999999990000');
  });
});

test('currencies are those of ISO 4217 with their smallest amounts', () => {
  const known = ['USD', 'EUR', 'JPY', 'KWD', 'CLF', 'UYI', 'XAF', 'IQD', 'HUF', 'XCG'];

  expect(known.map((code) => [isCurrency(code), minorUnitsOf(code)])).toEqual([
    [true, 2],
    [true, 2],
    [true, 0],
    [true, 3],
    [true, 4],
    [true, 0],
    [true, 0],
    [true, 3],
    [true, 2],
    [true, 2],
  ]);
  expect(['DEM', 'XAU', 'XXX', 'usd', 'US', '', 'toString'].filter(isCurrency)).toEqual([]);
});
