import { describe, expect, test } from 'vitest';
import type { Instant } from '../../src/core/clock.js';
import type { LicenseId } from '../../src/core/id.js';
import {
  type Decision,
  decide,
  decideAll,
  type Licensee,
  Spent,
} from '../../src/entitlements/model/decide.js';
import { entitlementsOf } from '../../src/entitlements/model/entitlement.js';
import { type Grant, meterName, metersOf, type Usage } from '../../src/entitlements/model/meter.js';
import type { LicenseFeature } from '../../src/templates/model.js';
import { fc } from '../support/seed.js';
import { at } from '../support/server.js';

const NOW = at('2026-03-01T12:00:00Z');
const most = Number.MAX_SAFE_INTEGER;

function feature(limitValue: number | null, changes: Partial<LicenseFeature> = {}): LicenseFeature {
  return {
    featureId: 'x',
    featureName: 'X',
    enabled: true,
    limitValue,
    limitType: null,
    limitPeriod: 'NONE',
    overage: 'DENY',
    expiresAt: null,
    ...changes,
  };
}

function grant(id: string, features: readonly LicenseFeature[], expiryDate: Instant | null = null): Grant {
  const issuedDate = at('2026-01-01T00:00:00Z');
  return {
    licenseId: id as LicenseId,
    customerId: null,
    resellerId: null,
    issuedDate,
    expiryDate,
    endsAt: expiryDate,
    features,
    topUps: [],
  };
}

function licensee(grants: readonly Grant[], changes: Partial<Licensee> = {}): Licensee {
  return {
    drawable: grants,
    granted: new Set(),
    licensed: grants.length > 0,
    until: null,
    ...changes,
  };
}

const none: Usage = new Map();

function used(counts: Readonly<Record<string, number>>, grants: readonly Grant[]): Usage {
  return new Map(metersOf(grants, 'x', NOW).map((meter) => [meterName(meter), counts[meter.licenseId] ?? 0]));
}

/** What was decided, in words: the refusal, or the units by license. */
function told(decision: Decision): string {
  if (!decision.granted) return `${decision.refusal.code}: ${decision.refusal.message}`;
  return decision.draws.map(({ meter, amount }) => `${meter.licenseId} ${amount}`).join(', ');
}

interface Case {
  readonly name: string;
  readonly who: Licensee;
  readonly amount: number;
  readonly usage?: Readonly<Record<string, number>>;
  readonly answer: string;
}

const june = at('2026-06-01T00:00:00Z');
const july = at('2026-07-01T00:00:00Z');
const past = at('2026-03-01T11:59:59.999Z');
const notLicensed = "FEATURE_NOT_LICENSED: Feature 'x' not licensed";
const noLicense = 'NO_ACTIVE_LICENSE: No active license found for tenant';
const mixed = [grant('b', [feature(3)], july), grant('a', [feature(2)], june), grant('c', [feature(5)])];

const cases: readonly Case[] = [
  { name: 'nobody has a license', who: licensee([]), amount: 0, answer: noLicense },
  { name: 'nor units', who: licensee([]), amount: 1, answer: noLicense },
  { name: 'the feature is absent', who: licensee([grant('a', [])]), amount: 0, answer: notLicensed },
  {
    name: 'the feature is switched off',
    who: licensee([grant('a', [feature(null, { enabled: false })])]),
    amount: 0,
    answer: notLicensed,
  },
  {
    name: 'the feature ended a moment ago',
    who: licensee([grant('a', [feature(null, { expiresAt: past })])]),
    amount: 1,
    answer: notLicensed,
  },
  {
    name: 'the feature ends now',
    who: licensee([grant('a', [feature(null, { expiresAt: NOW })])]),
    amount: 0,
    answer: notLicensed,
  },
  {
    name: 'another license grants what this one has switched off',
    who: licensee([grant('a', [feature(9, { enabled: false })]), grant('b', [feature(1)])]),
    amount: 1,
    answer: 'b 1',
  },
  {
    name: 'a limit of 0 grants the feature',
    who: licensee([grant('a', [feature(0)])]),
    amount: 0,
    answer: '',
  },
  {
    name: 'and not one unit of it',
    who: licensee([grant('a', [feature(0)])]),
    amount: 1,
    answer: 'QUOTA_EXCEEDED: Feature quota exceeded: 0/0',
  },
  {
    name: 'null is unlimited',
    who: licensee([grant('a', [feature(null)])]),
    amount: 2 ** 31,
    usage: { a: most - 2 ** 31 },
    answer: 'a 2147483648',
  },
  {
    name: 'the last unit is granted',
    who: licensee([grant('a', [feature(10)])]),
    amount: 1,
    usage: { a: 9 },
    answer: 'a 1',
  },
  {
    name: 'one more is not',
    who: licensee([grant('a', [feature(10)])]),
    amount: 1,
    usage: { a: 10 },
    answer: 'QUOTA_EXCEEDED: Feature quota exceeded: 10/10',
  },
  {
    name: 'two units of one that is left are none',
    who: licensee([grant('a', [feature(10)])]),
    amount: 2,
    usage: { a: 9 },
    answer: 'QUOTA_EXCEEDED: Feature quota exceeded: 9/10',
  },
  {
    name: 'a limit that was lowered below its use refuses',
    who: licensee([grant('a', [feature(5)])]),
    amount: 1,
    usage: { a: 8 },
    answer: 'QUOTA_EXCEEDED: Feature quota exceeded: 8/5',
  },
  {
    name: 'a limit of 2^31 is a number like others',
    who: licensee([grant('a', [feature(2 ** 31)])]),
    amount: 1,
    usage: { a: 2 ** 31 },
    answer: 'QUOTA_EXCEEDED: Feature quota exceeded: 2147483648/2147483648',
  },
  {
    name: 'the largest limit is exact to its last unit',
    who: licensee([grant('a', [feature(most)])]),
    amount: 1,
    usage: { a: most - 1 },
    answer: 'a 1',
  },
  {
    name: 'and exact behind it',
    who: licensee([grant('a', [feature(most)])]),
    amount: 1,
    usage: { a: most },
    answer: `QUOTA_EXCEEDED: Feature quota exceeded: ${most}/${most}`,
  },
  {
    name: 'two of the largest limits add up to no more than a number can say',
    who: licensee([grant('a', [feature(most)]), grant('b', [feature(most)])]),
    amount: 1,
    usage: { a: most, b: most },
    answer: `QUOTA_EXCEEDED: Feature quota exceeded: ${most}/${most}`,
  },
  { name: 'the license that expires first is drawn from', who: licensee(mixed), amount: 1, answer: 'a 1' },
  {
    name: 'what it lacks spills over to the next, and those without expiry come last',
    who: licensee(mixed),
    amount: 7,
    usage: { a: 1 },
    answer: 'a 1, b 3, c 3',
  },
  {
    name: 'limits add up, and so does what was used',
    who: licensee(mixed),
    amount: 7,
    usage: { a: 2, c: 2 },
    answer: 'QUOTA_EXCEEDED: Feature quota exceeded: 4/10',
  },
  {
    name: 'an unlimited license behind a limited one takes the rest',
    who: licensee([grant('a', [feature(2)], june), grant('b', [feature(null)])]),
    amount: 5,
    answer: 'a 2, b 3',
  },
  {
    name: 'what licenses grant from which the caller draws nothing is granted',
    who: licensee([], { licensed: true, granted: new Set(['x']) }),
    amount: 0,
    answer: '',
  },
  {
    name: 'but without units',
    who: licensee([], { licensed: true, granted: new Set(['x']) }),
    amount: 1,
    answer: 'QUOTA_EXCEEDED: Feature quota exceeded: 0/0',
  },
];

describe('a decision', () => {
  test.each(cases)('$name', ({ who, amount, usage, answer }) => {
    const usages = used(usage ?? {}, who.drawable);

    expect(told(decide(who, { feature: 'x', amount }, usages, NOW))).toBe(answer);
  });

  test('a refusal for lack of units tells limit, use and the end of the first window', () => {
    const daily = grant('a', [feature(1, { limitPeriod: 'DAY' })]);
    const monthly = grant('b', [feature(1, { limitPeriod: 'MONTH' })]);
    const who = licensee([monthly, daily]);

    const decision = decide(who, { feature: 'x', amount: 3 }, used({ a: 1 }, who.drawable), NOW);

    expect(decision.granted ? undefined : decision.refusal.details).toEqual({
      feature: 'x',
      limit: 2,
      used: 1,
      windowEndsAt: at('2026-03-02T00:00:00Z'),
    });
  });

  const limits = fc.array(fc.option(fc.nat({ max: 20 }), { nil: null }), { minLength: 1, maxLength: 4 });
  const asked = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 20 });

  test('units drawn never pass a limit, and are refused only when too few are left', () => {
    fc.assert(
      fc.property(limits, asked, (values, amounts) => {
        const who = licensee(values.map((value, index) => grant(`l${index}`, [feature(value)])));
        const meters = metersOf(who.drawable, 'x', NOW);
        const usage = new Spent(none);
        let drawn = 0;

        for (const amount of amounts) {
          const decision = decide(who, { feature: 'x', amount }, usage, NOW);
          const total = values.includes(null)
            ? null
            : values.reduce<number>((sum, each) => sum + (each ?? 0), 0);
          expect(decision.granted).toBe(total === null || drawn + amount <= total);
          if (!decision.granted) continue;
          expect(decision.draws.reduce((sum, draw) => sum + draw.amount, 0)).toBe(amount);
          usage.draw(decision.draws);
          drawn += amount;
        }

        const over = meters.filter(
          (meter) => meter.limit !== null && (usage.get(meterName(meter)) ?? 0) > meter.limit,
        );
        expect(over).toEqual([]);
      }),
    );
  });
});

describe('the needs of one operation', () => {
  const needs = (count: number, amount: number, path: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => ({ feature: 'x', amount, path: path(index) }));

  test('see each other: what the first have drawn is gone for the last', () => {
    const who = licensee([grant('a', [feature(2)], june), grant('b', [feature(1)])]);

    const decisions = decideAll(
      who,
      needs(4, 1, (index) => `f${index}`),
      used({}, who.drawable),
      NOW,
    );

    expect(decisions.map(told)).toEqual(['a 1', 'a 1', 'b 1', 'QUOTA_EXCEEDED: Feature quota exceeded: 0/3']);
  });

  test('below a refused path ask for nothing, and those beside it for themselves', () => {
    const who = licensee([grant('a', [feature(1)])]);
    const asked = [
      { feature: 'y', amount: 0, path: 'top.me' },
      { feature: 'x', amount: 1, path: 'top.me.deep.er' },
      { feature: 'x', amount: 1, path: 'top.men' },
      { feature: 'x', amount: 0, path: 'top' },
    ];

    const decisions = decideAll(who, asked, none, NOW);

    const refused = "FEATURE_NOT_LICENSED: Feature 'y' not licensed";
    expect(decisions.map(told)).toEqual([refused, refused, 'a 1', '']);
    expect(decisions.map((decision) => !decision.granted && decision.metered)).not.toContain(true);
  });

  test('look at the licenses once and never copy the usage, however many they are', () => {
    let looks = 0;
    let copies = 0;
    const counted = new Proxy([...mixed], {
      get: (grants, name, receiver) => {
        if (name === 'toSorted') looks += 1;
        return Reflect.get(grants, name, receiver);
      },
    });
    const usage = new (class extends Map<string, number> {
      override [Symbol.iterator]() {
        copies += 1;
        return super[Symbol.iterator]();
      }
    })();

    const decisions = decideAll(
      licensee(counted),
      needs(500, 1, (index) => `f${index}`),
      usage,
      NOW,
    );

    expect(decisions.filter((decision) => decision.granted)).toHaveLength(10);
    expect({ looks, copies }).toEqual({ looks: 1, copies: 0 });
  });
});

describe('what a licensee has', () => {
  const list = (who: Licensee, counts: Readonly<Record<string, number>> = {}) =>
    entitlementsOf(who.drawable, used(counts, who.drawable), NOW);

  test('limits, use and what is left add up, whatever order the licenses come in', () => {
    const period = { limitPeriod: 'NONE', windowStartsAt: null, windowEndsAt: null } as const;
    const share = (licenseId: string, limit: number, use: number, expiresAt: string | null) => {
      const sums = { limit, used: use, left: limit - use, limitType: null, overage: 'DENY' };
      return { licenseId, ...sums, ...period, expiresAt, graceEndsAt: null };
    };
    const expected = {
      featureId: 'x',
      featureName: 'X',
      limit: 10,
      limitType: null,
      limitPeriod: 'NONE',
      used: 4,
      left: 6,
      windowEndsAt: null,
      expiresAt: null,
      grantedUntil: null,
      unlimited: false,
      licenseIds: ['a', 'b', 'c'],
      grants: [share('a', 2, 2, june), share('b', 3, 0, july), share('c', 5, 2, null)],
      topUps: [],
    };

    expect(list(licensee(mixed), { a: 2, c: 2 })).toEqual([expected]);
    expect(list(licensee(mixed.toReversed()), { a: 2, c: 2 })).toEqual([expected]);
  });

  test('what one license has left does not hide that another was overdrawn', () => {
    const who = licensee([grant('a', [feature(5)]), grant('b', [feature(5)])]);

    expect(list(who, { a: 8 })).toMatchObject([{ limit: 10, used: 8, left: 5 }]);
  });

  test('sums stay numbers that an answer can carry', () => {
    const who = licensee([grant('a', [feature(most)]), grant('b', [feature(most)])]);

    expect(list(who, { a: 1 })).toMatchObject([{ limit: most, used: 1, left: most }]);
  });

  test('a feature ends with its license, even if its own date is later', () => {
    const late = grant('a', [feature(1, { expiresAt: july })], june);
    const early = grant('a', [feature(1, { expiresAt: june })], july);
    const endless = grant('b', [feature(1)]);

    expect(list(licensee([late]))).toMatchObject([{ expiresAt: june }]);
    expect(list(licensee([early]))).toMatchObject([{ expiresAt: june }]);
    expect(list(licensee([late, endless]))).toMatchObject([{ expiresAt: null }]);
  });

  test('what is switched off or has ended is not listed', () => {
    const off = feature(1, { enabled: false });
    const over = feature(1, { featureId: 'y', expiresAt: past });

    expect(list(licensee([grant('a', [off, over])]))).toEqual([]);
  });
});
