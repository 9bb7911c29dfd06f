import { describe, expect, test } from 'vitest';
import { addDays, addMonths, type Instant } from '../../src/core/clock.js';
import { type Amount, compareAmounts, sumOf } from '../../src/core/money.js';
import type { LicenseTerm } from '../../src/orders/model/upgrade.js';
import { planUpgrade, type SoldTemplate, type UpgradedLicense } from '../../src/orders/model/upgradePrice.js';
import type { Pricing } from '../../src/templates/model.js';
import { fc } from '../support/seed.js';

const amount = (text: string): Amount => text as Amount;
const at = (text: string): Instant => `${text}:00:00.000Z` as Instant;

const pricing: Pricing = {
  basePrice: amount('200'),
  currency: 'USD',
  billingCycle: 'ANNUALLY',
  perSeatPrice: null,
  setupFee: amount('49.99'),
  maintenancePercentage: amount('20'),
  volumeDiscounts: [],
};
const sold = (more: Partial<SoldTemplate> = {}, prices: Partial<Pricing> = {}): SoldTemplate => ({
  licenseType: 'SUBSCRIPTION',
  maxActivations: 5,
  defaultDuration: 365,
  pricing: { ...pricing, ...prices },
  ...more,
});

/** A year of 100, paid in days. */
const begun = at('2026-01-01T10');
function paid(more: Partial<LicenseTerm> = {}): LicenseTerm {
  const endsAt = addDays(begun, 365);
  const term = { kind: 'LICENSE', startsAt: begun, endsAt, durationMonths: null } as const;
  return { ...term, price: amount('100'), currency: 'USD', ...more };
}
const running = (expiryDate: Instant | null): UpgradedLicense => ({
  licenseType: 'SUBSCRIPTION',
  expiryDate,
  maintenanceExpiry: expiryDate,
});

function planned(now: Instant, held: readonly LicenseTerm[], to = sold(), timeZone = 'UTC') {
  const last = held.findLast(({ kind }) => kind === 'LICENSE')?.endsAt ?? null;
  return planUpgrade(running(last), held, to, [], { now, timeZone });
}
const told = (plan: ReturnType<typeof planned>) => [
  ...plan.price.lines.map((line) => `${line.kind} ${line.amount}`),
  `= ${plan.price.total}`,
];

describe('the rest of a year of 100 against one of 200, to the cent', () => {
  test.each<[string, Instant, string[]]>([
    ['on the first day, all of it', at('2026-01-01T10'), ['UPGRADE 200', 'CREDIT -100', '= 100']],
    ['later on the first day too', at('2026-01-01T23'), ['UPGRADE 200', 'CREDIT -100', '= 100']],
    ['on the second day', at('2026-01-02T00'), ['UPGRADE 199.45', 'CREDIT -99.73', '= 99.72']],
    ['after 200 days', addDays(begun, 200), ['UPGRADE 90.41', 'CREDIT -45.21', '= 45.2']],
    ['on the last day but one', at('2026-12-31T12'), ['UPGRADE 0.55', 'CREDIT -0.27', '= 0.28']],
    ['in the last hours, the day begun', at('2027-01-01T09'), ['UPGRADE 0.55', 'CREDIT -0.27', '= 0.28']],
  ])('%s', (_name, now, lines) => {
    expect(told(planned(now, [paid()]))).toEqual(lines);
  });

  test('days begin and end in the place of the tenant', () => {
    const now = at('2026-01-01T16');

    expect(told(planned(now, [paid()], sold(), 'Asia/Tokyo'))).toEqual([
      'UPGRADE 199.45',
      'CREDIT -99.73',
      '= 99.72',
    ]);
  });

  test('a leap year has a day more', () => {
    const startsAt = at('2028-01-01T10');
    const term = paid({ startsAt, endsAt: addMonths(startsAt, 12), durationMonths: 12 });

    expect(told(planned(startsAt, [term]))).toEqual(['UPGRADE 200', 'CREDIT -100', '= 100']);
    expect(told(planned(at('2028-02-29T10'), [term]))).toEqual([
      'UPGRADE 167.76',
      'CREDIT -83.88',
      '= 83.88',
    ]);
  });

  test('a month that ends on its last day has its own number of days', () => {
    const startsAt = at('2026-01-31T10');
    const term = paid({ startsAt, endsAt: addMonths(startsAt, 1), durationMonths: 1, price: amount('10') });
    const to = sold({}, { billingCycle: 'MONTHLY', basePrice: amount('20') });

    expect(told(planned(at('2026-02-14T10'), [term], to))).toEqual(['UPGRADE 10', 'CREDIT -5', '= 5']);
  });

  test.each([
    ['thirty days', paid({ endsAt: addDays(begun, 30), price: amount('10') }), '16.44'],
    [
      'a calendar month',
      paid({ endsAt: addMonths(begun, 1), durationMonths: 1, price: amount('10') }),
      '16.99',
    ],
    ['four hundred days', paid({ endsAt: addDays(begun, 400), price: amount('10') }), '219.18'],
  ])('%s of a yearly price are no more than that of it', (_what, term, charged) => {
    const [first] = planned(begun, [term]).price.lines;

    expect(first).toMatchObject({ kind: 'UPGRADE', amount: charged });
  });

  test.each([
    ['MONTHLY', '20', '240'],
    ['QUARTERLY', '60', '240'],
    ['ONE_TIME', '240', '240'],
  ] as const)('a year of a price that is %s is a year', (billingCycle, basePrice, charged) => {
    const to = sold({}, { billingCycle, basePrice: amount(basePrice) });

    expect(planned(begun, [paid()], to).price.subtotal).toBe(charged);
  });

  test('what was paid ahead is credited with its own price', () => {
    const first = paid();
    const ahead = paid({
      startsAt: addDays(begun, 365),
      endsAt: addMonths(addDays(begun, 365), 12),
      durationMonths: 12,
      price: amount('80'),
    });

    const plan = planned(addDays(begun, 200), [first, ahead]);

    expect(told(plan)).toEqual(['UPGRADE 90.41', 'UPGRADE 200', 'CREDIT -45.21', 'CREDIT -80', '= 165.2']);
    expect(plan.terms.map(({ price }) => price)).toEqual(['200', '200']);
  });

  test('what is worth more than the new license is not paid out', () => {
    const plan = planned(addDays(begun, 100), [paid({ price: amount('1000') })]);

    expect(told(plan)).toEqual(['UPGRADE 145.21', 'CREDIT -145.21', '= 0']);
  });

  test('taxes are on what is paid, not on what is credited', () => {
    const taxes = [{ name: 'VAT', percentage: amount('19') }];

    const plan = planUpgrade(running(addDays(begun, 365)), [paid()], sold(), taxes, {
      now: begun,
      timeZone: 'UTC',
    });

    expect(plan.price).toMatchObject({ subtotal: '200', discount: '100', tax: '19', total: '119' });
  });

  test.each([
    ['JPY', '20000', '10000', ['UPGRADE 9041', 'CREDIT -4521', '= 4520']],
    ['BHD', '20', '10', ['UPGRADE 9.041', 'CREDIT -4.521', '= 4.52']],
  ])('in %s by its smallest amount', (currency, basePrice, price, lines) => {
    const to = sold({}, { currency, basePrice: amount(basePrice) });
    const term = paid({ currency, price: amount(price) });

    expect(told(planned(addDays(begun, 200), [term], to))).toEqual(lines);
  });

  test('another currency is refused', () => {
    const to = sold({}, { currency: 'EUR' });

    expect(() => planned(begun, [paid()], to)).toThrow(
      expect.objectContaining({ code: 'CURRENCY_MISMATCH' }),
    );
  });
});

describe('what begins anew', () => {
  const perpetual: UpgradedLicense = {
    licenseType: 'PERPETUAL',
    expiryDate: null,
    maintenanceExpiry: addDays(begun, 365),
  };
  const forGood = paid({ endsAt: null });
  const maintained = paid({ kind: 'MAINTENANCE', price: amount('20') });
  const calendar = { now: addDays(begun, 200), timeZone: 'UTC' };

  test('a trial pays for all of its first term, and for being set up', () => {
    const trial: UpgradedLicense = {
      licenseType: 'TRIAL',
      expiryDate: addDays(begun, 14),
      maintenanceExpiry: null,
    };

    const plan = planUpgrade(trial, [paid({ endsAt: addDays(begun, 14) })], sold(), [], {
      now: addDays(begun, 3),
      timeZone: 'UTC',
    });

    expect(told(plan)).toEqual(['LICENSES 200', 'SETUP 49.99', '= 249.99']);
    expect(plan.expiryDate).toBe(addDays(begun, 368));
  });

  test('a trial may be in any currency', () => {
    const trial: UpgradedLicense = { licenseType: 'TRIAL', expiryDate: null, maintenanceExpiry: null };

    const plan = planUpgrade(trial, [paid()], sold({}, { currency: 'EUR', setupFee: null }), [], calendar);

    expect(told(plan)).toEqual(['LICENSES 200', '= 200']);
  });

  test('a perpetual license pays the difference, and for the rest of its maintenance', () => {
    const to = sold({ licenseType: 'PERPETUAL' });

    const plan = planUpgrade(perpetual, [forGood, maintained], to, [], calendar);

    expect(told(plan)).toEqual([
      'UPGRADE 200',
      'MAINTENANCE 18.08',
      'CREDIT -100',
      'CREDIT -9.04',
      '= 109.04',
    ]);
    expect(plan).toMatchObject({ expiryDate: null, maintenanceExpiry: addDays(begun, 365) });
  });

  test('a perpetual license without maintenance pays none', () => {
    const plan = planUpgrade(perpetual, [forGood], sold({ licenseType: 'PERPETUAL' }), [], calendar);

    expect(told(plan)).toEqual(['UPGRADE 200', 'CREDIT -100', '= 100']);
  });

  test('a subscription that becomes perpetual pays for it and its maintenance, less its rest', () => {
    const to = sold({ licenseType: 'PERPETUAL' });

    const plan = planUpgrade(running(addDays(begun, 365)), [paid()], to, [], calendar);

    expect(told(plan)).toEqual(['LICENSES 200', 'MAINTENANCE 40', 'CREDIT -45.21', '= 194.79']);
    expect(plan).toMatchObject({ expiryDate: null, maintenanceExpiry: addDays(calendar.now, 365) });
  });

  test('a perpetual license that becomes a subscription has credit for all of itself', () => {
    const plan = planUpgrade(perpetual, [forGood, maintained], sold(), [], calendar);

    expect(told(plan)).toEqual(['LICENSES 200', 'CREDIT -100', 'CREDIT -9.04', '= 90.96']);
    expect(plan.expiryDate).toBe(addDays(calendar.now, 365));
  });
});

test('lines add up, nothing is paid out, and each day that passes costs no more', () => {
  const cents = (most: number) =>
    fc.integer({ min: 0, max: most }).map((units) => amount(String(units / 100)));
  fc.assert(
    fc.property(cents(500_000), cents(500_000), fc.integer({ min: 0, max: 363 }), (price, basePrice, day) => {
      const on = (days: number) =>
        planned(addDays(begun, days), [paid({ price })], sold({}, { basePrice })).price;
      const [today, tomorrow] = [on(day), on(day + 1)];

      expect(sumOf(today.lines.map((line) => line.amount))).toBe(today.total);
      expect(compareAmounts(today.total, amount('0'))).toBeGreaterThanOrEqual(0);
      // Two lines are rounded by half a cent each.
      expect(compareAmounts(tomorrow.total, sumOf([today.total, amount('0.01')]))).toBeLessThanOrEqual(0);
    }),
    { numRuns: 200 },
  );
});
