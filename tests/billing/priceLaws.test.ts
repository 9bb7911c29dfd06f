import { describe, expect, test } from 'vitest';
import { type PriceFacts, priceOf, type TaxRate } from '../../src/billing/model/price.js';
import { minorUnitsOf } from '../../src/core/currencies.js';
import type { Amount } from '../../src/core/money.js';
import type { Pricing } from '../../src/templates/model.js';
import { fc } from '../support/seed.js';

const amount = (text: string): Amount => text as Amount;

describe('laws', () => {
  const digits = { USD: 2, JPY: 0, BHD: 3, UYW: 4 } as const;
  type Currency = keyof typeof digits;
  const currencies = Object.keys(digits) as Currency[];
  const money = (most: number, currency: Currency) =>
    fc.integer({ min: 0, max: most }).map((units) => {
      const decimals = digits[currency];
      const text = String(units).padStart(decimals + 1, '0');
      const cut = text.length - decimals;
      return amount(decimals === 0 ? text : `${text.slice(0, cut)}.${text.slice(cut)}`);
    });
  const percentage = fc.integer({ min: 0, max: 1_000_000 }).map((tenThousandths) => {
    const text = String(tenThousandths).padStart(5, '0');
    return amount(`${text.slice(0, -4)}.${text.slice(-4)}`);
  });
  const purchases = fc.constantFrom(...currencies).chain((currency) =>
    fc.record({
      pricing: fc.record({
        basePrice: money(100_000_000, currency),
        currency: fc.constant(currency as string),
        billingCycle: fc.constantFrom('MONTHLY', 'QUARTERLY', 'ANNUALLY', 'ONE_TIME'),
        perSeatPrice: fc.option(money(10_000_000, currency)),
        setupFee: fc.option(money(100_000_000, currency)),
        maintenancePercentage: fc.option(percentage),
        volumeDiscounts: fc.array(
          fc.record({
            minQuantity: fc.integer({ min: 1, max: 200 }),
            maxQuantity: fc.constant(null),
            discountPercentage: percentage,
            discountAmount: fc.option(money(1_000_000_000, currency)),
          }),
          { maxLength: 4 },
        ),
      }),
      facts: fc.record({
        quantity: fc.integer({ min: 1, max: 250 }),
        maxActivations: fc.integer({ min: 0, max: 1000 }),
        licenseType: fc.constantFrom('PERPETUAL', 'SUBSCRIPTION'),
        durationMonths: fc.option(fc.integer({ min: 1, max: 60 })),
        durationDays: fc.integer({ min: 1, max: 4000 }),
      }),
      taxes: fc.array(fc.record({ name: fc.constant('VAT'), percentage }), { maxLength: 3 }),
    }),
  ) as fc.Arbitrary<{ pricing: Pricing; facts: PriceFacts; taxes: TaxRate[] }>;
  /** In ten-thousandths, as the database has them: whole numbers, computed without the code that is judged. */
  const units = (text: string): bigint => {
    const [whole = '0', part = ''] = text.replace('-', '').split('.');
    const size = BigInt(whole) * 10_000n + BigInt(part.padEnd(4, '0'));
    return text.startsWith('-') ? -size : size;
  };
  const halfUp = (numerator: bigint, denominator: bigint): bigint =>
    (2n * numerator + denominator) / (2n * denominator);

  test('the lines add up to the total, and every line is one that can be paid', () => {
    fc.assert(
      fc.property(purchases, ({ pricing, facts, taxes }) => {
        const price = priceOf(pricing, facts, taxes);
        const step = 10n ** BigInt(4 - minorUnitsOf(pricing.currency));
        const sum = price.lines.reduce((total, line) => total + units(line.amount), 0n);
        const taxSum = price.lines.filter(({ kind }) => kind === 'TAX');

        expect(sum).toBe(units(price.total));
        expect(taxSum.reduce((total, line) => total + units(line.amount), 0n)).toBe(units(price.tax));
        for (const line of price.lines) {
          expect(line.amount).toMatch(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/);
          expect(units(line.amount) % step).toBe(0n);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a discount is never over the subtotal, and nothing is negative', () => {
    fc.assert(
      fc.property(purchases, ({ pricing, facts, taxes }) => {
        const price = priceOf(pricing, facts, taxes);

        expect(units(price.discount)).toBeGreaterThanOrEqual(0n);
        expect(units(price.discount)).toBeLessThanOrEqual(units(price.subtotal));
        expect(units(price.total)).toBeGreaterThanOrEqual(0n);
        const negative = price.lines.filter((line) => line.kind !== 'DISCOUNT' && units(line.amount) < 0n);
        expect(negative).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('one more inside a tier never costs less', () => {
    fc.assert(
      fc.property(purchases, ({ pricing, facts, taxes }) => {
        const inTier = {
          ...pricing,
          volumeDiscounts: pricing.volumeDiscounts.map((discount) => ({ ...discount, minQuantity: 1 })),
        };
        const fewer = priceOf(inTier, facts, taxes);
        const more = priceOf(inTier, { ...facts, quantity: facts.quantity + 1 }, taxes);

        expect(units(more.subtotal)).toBeGreaterThanOrEqual(units(fewer.subtotal));
        expect(units(more.total)).toBeGreaterThanOrEqual(units(fewer.total));
      }),
      { numRuns: 300 },
    );
  });

  test('lines are what whole numbers make of them', () => {
    fc.assert(
      fc.property(purchases, ({ pricing, facts, taxes }) => {
        const price = priceOf(pricing, facts, taxes);
        const step = 10n ** BigInt(4 - minorUnitsOf(pricing.currency));
        const percent = (base: bigint, rate: string): bigint =>
          halfUp(base * units(rate), 1_000_000n * step) * step;
        const seats = units(pricing.perSeatPrice ?? '0') * BigInt(facts.maxActivations);
        const subtotal = (units(pricing.basePrice) + seats) * BigInt(facts.quantity) * BigInt(price.periods);
        const net = subtotal - units(price.discount);
        const maintained = facts.licenseType === 'PERPETUAL' ? (pricing.maintenancePercentage ?? '0') : '0';
        const untaxed = net + percent(net, maintained) + units(pricing.setupFee ?? '0');
        const taxed = taxes.reduce((sum, { percentage: rate }) => sum + percent(untaxed, rate), 0n);

        expect(units(price.subtotal)).toBe(subtotal);
        expect(units(price.total)).toBe(untaxed + taxed);
      }),
      { numRuns: 300 },
    );
  });
});
