import { describe, expect, test } from 'vitest';
import {
  type ActivationFacts,
  activationStatusAt,
  activationStatuses,
  activationTypes,
  type LicenseFacts,
} from '../../src/activations/model/activation.js';
import {
  mergedMetrics,
  type ReportedMetrics,
  type UsageMetrics,
} from '../../src/activations/model/metrics.js';
import { seatsTaken, seatUnit } from '../../src/activations/model/seats.js';
import {
  type Facts,
  requirePassing,
  type VerdictCode,
  verdictOn,
} from '../../src/activations/model/verdict.js';
import { addMillis } from '../../src/core/clock.js';
import { Refusal, type RefusalCode } from '../../src/core/refusal.js';
import { licenseStatuses } from '../../src/licenses/model.js';
import { type LicenseRestriction, licenseModels, licenseTypes } from '../../src/templates/model.js';
import { fc } from '../support/seed.js';
import {
  BEFORE,
  device,
  facts,
  full,
  held,
  inGrace,
  LATER,
  license,
  NOW,
  pastGrace,
  stranger,
  suspended,
} from '../support/verdictFacts.js';

const hashOf = (letter: string): string => `k1.${letter.repeat(43)}`;
const restrictions: readonly LicenseRestriction[] = [
  { restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE'] },
  { restrictionType: 'DOMAIN', operator: 'DENY', values: ['*.example.com'] },
  { restrictionType: 'IP_RANGE', operator: 'ALLOW', values: ['10.0.0.0/8'] },
  { restrictionType: 'MAC_ADDRESS', operator: 'DENY', values: [hashOf('a')] },
  { restrictionType: 'HARDWARE_ID', operator: 'ALLOW', values: [hashOf('a')] },
  { restrictionType: 'TIME_BASED', operator: 'DENY', values: ['SUN 00:00-24:00 UTC'] },
];
const instants = fc.constantFrom(BEFORE, NOW, addMillis(NOW, 1), LATER);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const anyStatus = fc.constantFrom(...licenseStatuses).chain((status) =>
  fc.record({
    status: fc.constant(status),
    suspensionCause: fc.constant(status === 'SUSPENDED' ? ('MANUAL' as const) : null),
    suspensionReason: fc.constant(status === 'SUSPENDED' ? 'Unpaid' : null),
    suspendedFrom: status === 'SUSPENDED' ? fc.constantFrom('ACTIVE', 'INACTIVE') : fc.constant(null),
    maintenanceExpiry: fc.option(instants),
    restrictions: fc.subarray([...restrictions]),
    expiryDate: fc.option(instants),
    gracePeriodDays: fc.constantFrom(null, 0, 5, 30),
  }),
);
const anyLicense: fc.Arbitrary<LicenseFacts> = fc
  .tuple(anyStatus, fc.constantFrom(...licenseTypes), fc.constantFrom(...licenseModels), fc.nat(3))
  .map(([standing, licenseType, licenseModel, maxActivations]) => ({
    ...license,
    ...standing,
    licenseType,
    licenseModel,
    maxActivations,
  }));
const anyActivation: fc.Arbitrary<ActivationFacts> = fc.record({
  activationType: fc.constantFrom(...activationTypes),
  status: fc.constantFrom(...activationStatuses),
  userRef: fc.constantFrom(null, 'ada', 'bo'),
  expiresAt: fc.option(instants),
  leaseExpiresAt: fc.option(instants),
});
const anyFacts: fc.Arbitrary<Facts> = fc.record({
  now: fc.constant(NOW),
  license: anyLicense,
  activation: maybe(anyActivation),
  deviceNamed: fc.boolean(),
  fingerprintMatches: maybe(fc.boolean()),
  user: maybe(fc.constantFrom('ada', 'bo')),
  productId: maybe(fc.constantFrom('RADAR', 'SONAR')),
  features: maybe(fc.subarray(['maps', 'off', 'over', 'soon', 'none'])),
  blacklisted: maybe(fc.boolean()),
  emergency: maybe(fc.boolean()),
  version: maybe(fc.record({ name: fc.constantFrom('3.0', '4.0'), releasedAt: fc.option(instants) })),
  restrictionFacts: maybe(
    fc.record({
      country: maybe(fc.constantFrom('DE', 'FR')),
      domain: maybe(fc.constantFrom('a.example.com', 'example.net')),
      address: maybe(fc.constantFrom('10.1.1.1', '2001:db8::1')),
      macAddress: maybe(fc.constantFrom([hashOf('a')], [hashOf('b')])),
      hardwareId: maybe(fc.constantFrom([hashOf('a')], [hashOf('b')])),
    }),
  ),
  signatureValid: maybe(fc.boolean()),
  fileExpiresAt: maybe(instants),
  clockSetBack: maybe(fc.boolean()),
  seats: maybe(fc.record({ others: fc.nat(4), own: fc.nat(4) })),
});

/** The contract's words, by hand: what a client that acts is told for each verdict. */
const refusalOf: Readonly<Partial<Record<VerdictCode, RefusalCode>>> = {
  DEVICE_BLACKLISTED: 'DEVICE_BLACKLISTED',
  LICENSE_REVOKED: 'LICENSE_REVOKED',
  LICENSE_SUSPENDED: 'LICENSE_SUSPENDED',
  LICENSE_INACTIVE: 'LICENSE_INACTIVE',
  LICENSE_EXPIRED: 'LICENSE_EXPIRED',
  PRODUCT_MISMATCH: 'PRODUCT_MISMATCH',
  VERSION_NOT_COVERED: 'VERSION_NOT_COVERED',
  ACTIVATION_DEACTIVATED: 'ACTIVATION_DEACTIVATED',
  ACTIVATION_EXPIRED: 'ACTIVATION_EXPIRED',
  FINGERPRINT_MISMATCH: 'FINGERPRINT_MISMATCH',
  USER_MISMATCH: 'USER_MISMATCH',
  LEASE_EXPIRED: 'LEASE_EXPIRED',
  RESTRICTED_GEOGRAPHIC: 'RESTRICTED_GEOGRAPHIC',
  RESTRICTED_DOMAIN: 'RESTRICTED_DOMAIN',
  RESTRICTED_IP_RANGE: 'RESTRICTED_IP_RANGE',
  RESTRICTED_MAC_ADDRESS: 'RESTRICTED_MAC_ADDRESS',
  RESTRICTED_HARDWARE_ID: 'RESTRICTED_HARDWARE_ID',
  RESTRICTED_TIME: 'RESTRICTED_TIME',
  TOO_MANY_USERS: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_DEVICES: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_CPUS: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_CORES: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_LEASES: 'ACTIVATION_LIMIT_EXCEEDED',
  FEATURE_NOT_LICENSED: 'FEATURE_NOT_LICENSED',
  NOT_ACTIVATED: 'ACTIVATION_NOT_FOUND',
  SIGNATURE_INVALID: 'SIGNATURE_INVALID',
  FILE_EXPIRED: 'FILE_EXPIRED',
  CLOCK_SET_BACK: 'CLOCK_SET_BACK',
};

type Excepted = Parameters<typeof requirePassing>[1];

function refusalFor(asked: Facts, except: Excepted): Refusal | undefined {
  try {
    requirePassing(asked, except);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

describe('acting refuses by the same rules in the same order', () => {
  test('the first reason of the verdict is the refusal', () => {
    fc.assert(
      fc.property(anyFacts, (asked) => {
        const [first] = verdictOn(asked).reasons;

        const refusal = refusalFor(asked, new Set());

        expect(refusal?.code).toBe(first === undefined ? undefined : refusalOf[first.code]);
        expect(refusal?.details.verdict).toBe(first?.code);
        expect(refusal?.message).toBe(first?.message);
        expect(refusal?.details.remedy).toBe(first?.remedy);
      }),
      { numRuns: 1000 },
    );
  });

  test('an act that passes over a rule is refused by the next that fails', () => {
    const except: Excepted = new Set(['NOT_ACTIVATED', 'LEASE_EXPIRED']);
    fc.assert(
      fc.property(anyFacts, (asked) => {
        const next = verdictOn(asked).reasons.find(
          ({ code }) => code !== 'NOT_ACTIVATED' && code !== 'LEASE_EXPIRED',
        );

        expect(refusalFor(asked, except)?.details.verdict).toBe(next?.code);
      }),
      { numRuns: 1000 },
    );
  });

  test('a full license tells both counts, a suspended one its reason', () => {
    const crowded = refusalFor(facts({ ...stranger, seats: full }), new Set());
    const unpaid = refusalFor(facts(device, suspended), new Set());
    const lapsed = refusalFor(facts(device, pastGrace), new Set());

    expect(crowded?.details).toEqual({
      verdict: 'TOO_MANY_DEVICES',
      remedy:
        'Have others give up seats, or have the limit raised: of 2 others use 2, and 1 more are asked for.',
      current_activations: 2,
      max_activations: 2,
    });
    expect(unpaid?.details).toEqual({
      verdict: 'LICENSE_SUSPENDED',
      remedy: 'Ask the vendor to reinstate the license.',
      reason: 'Unpaid',
    });
    expect(lapsed?.details).toEqual({
      verdict: 'LICENSE_SUSPENDED',
      remedy: 'Renew the license: its grace period is over.',
      reason: 'Grace period expired',
    });
  });
});

test('a seat is a person, a device, or what a device reports', () => {
  const units = licenseTypes.flatMap((licenseType) =>
    licenseModels.map((licenseModel) => ({ licenseType, licenseModel })),
  );
  for (const kind of units) {
    const counts = kind.licenseModel === 'PER_CPU' || kind.licenseModel === 'PER_CORE';
    const people = kind.licenseModel === 'PER_SEAT' || kind.licenseType === 'NAMED_USER';
    expect(seatUnit(kind), JSON.stringify(kind)).toBe(counts ? 'UNITS' : people ? 'USER' : 'DEVICE');
    expect(seatsTaken(kind, 8), JSON.stringify(kind)).toBe(counts ? 8 : 1);
  }
});

test('an activation reads what it was made, then its own end, then its license', () => {
  const running: LicenseFacts = license;
  const read = (activation: Partial<ActivationFacts>, of: LicenseFacts = running) =>
    activationStatusAt({ ...held, ...activation }, of, NOW);
  const stopped = { ...running, ...suspended };

  expect(read({})).toBe('ACTIVE');
  expect(read({}, { ...running, ...inGrace })).toBe('ACTIVE');
  expect(read({}, { ...running, status: 'INACTIVE' })).toBe('ACTIVE');
  expect(read({}, stopped)).toBe('SUSPENDED');
  expect(read({}, { ...running, ...pastGrace })).toBe('SUSPENDED');
  expect(read({ expiresAt: LATER }, stopped)).toBe('SUSPENDED');
  const emergency = { activationType: 'EMERGENCY' } as const;
  expect(read(emergency, { ...running, ...pastGrace })).toBe('ACTIVE');
  expect(read(emergency, { ...running, ...pastGrace, status: 'INACTIVE' })).toBe('SUSPENDED');
  expect(read(emergency, stopped)).toBe('SUSPENDED');
  expect(read({ expiresAt: NOW })).toBe('EXPIRED');
  expect(read({ expiresAt: NOW }, stopped)).toBe('EXPIRED');
  expect(read({ status: 'DEACTIVATED', expiresAt: NOW }, stopped)).toBe('DEACTIVATED');
  expect(read({ leaseExpiresAt: BEFORE })).toBe('ACTIVE');
});

const decimals = fc.nat(1_000_000_000).map((millionths) => millionths / 1_000_000);

const report: fc.Arbitrary<ReportedMetrics> = fc.record(
  {
    totalRuntimeHours: decimals,
    apiCallsCount: fc.nat(1_000_000),
    dataProcessedMb: decimals,
    featureUsage: fc.dictionary(
      fc.constantFrom('maps', 'constructor', 'toString', 'hasOwnProperty'),
      fc.nat(9),
    ),
    lastUsedAt: instants,
    peakConcurrentUsers: fc.nat(50),
  },
  { requiredKeys: [] },
);

describe('metrics', () => {
  test('add up to the same in any order, and nothing of them is lost', () => {
    const merged = (reports: readonly ReportedMetrics[]) =>
      reports.reduce<UsageMetrics | null>((known, each) => mergedMetrics(known, each, NOW), null);
    fc.assert(
      fc.property(fc.array(report, { minLength: 1, maxLength: 12 }), (reports) => {
        const total = merged(reports);

        const sum = (of: (each: ReportedMetrics) => number | null | undefined): number =>
          reports.reduce((so, each) => so + Math.round((of(each) ?? 0) * 1_000_000), 0) / 1_000_000;
        const peaks = reports.flatMap(({ peakConcurrentUsers: peak }) =>
          typeof peak === 'number' ? [peak] : [],
        );
        expect(total).toEqual(merged(reports.toReversed()));
        expect(total?.apiCallsCount).toBe(sum((each) => each.apiCallsCount));
        expect(total?.totalRuntimeHours).toBe(sum((each) => each.totalRuntimeHours));
        expect(total?.dataProcessedMb).toBe(sum((each) => each.dataProcessedMb));
        expect(total?.peakConcurrentUsers).toBe(peaks.length === 0 ? null : Math.max(...peaks));
        expect(total?.lastUsedAt).toBe(
          reports
            .map(({ lastUsedAt: used = NOW }) => (used > NOW ? NOW : used))
            .toSorted()
            .at(-1),
        );
        const names = new Set(reports.flatMap((each) => Object.keys(each.featureUsage ?? {})));
        for (const name of names) {
          const uses = sum(
            (each) => Object.entries(each.featureUsage ?? {}).find(([key]) => key === name)?.[1],
          );
          expect(Object.entries(total?.featureUsage ?? {})).toContainEqual([name, uses]);
        }
      }),
    );
  });

  test('ten thousand times a tenth is a thousand', () => {
    const tenth = { totalRuntimeHours: 0.1, dataProcessedMb: 0.1, featureUsage: { maps: 0.1 } };
    let known: UsageMetrics | null = null;
    for (let beat = 0; beat < 10_000; beat += 1) known = mergedMetrics(known, tenth, NOW);

    expect(known).toMatchObject({
      totalRuntimeHours: 1000,
      dataProcessedMb: 1000,
      featureUsage: { maps: 1000 },
    });
    expect(mergedMetrics(known, { dataProcessedMb: 1e12 }, NOW).dataProcessedMb).toBe(1e12 + 1000);
  });

  test('a counter stops at the largest number that an answer can carry', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const known = mergedMetrics(null, { apiCallsCount: most }, NOW);

    expect(mergedMetrics(known, { apiCallsCount: 5 }, NOW).apiCallsCount).toBe(most);
  });
});
