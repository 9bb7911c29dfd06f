import { describe, expect, test } from 'vitest';
import { addDays, type Instant } from '../../src/core/clock.js';
import { Refusal } from '../../src/core/refusal.js';
import { type RenewalFacts, type RenewalTerms, renewed } from '../../src/licenses/model.js';
import type { LicenseFeature } from '../../src/templates/model.js';
import { at } from '../support/server.js';

const noon = (day: string): Instant => at(`${day}T12:00:00Z`);
const now = noon('2026-03-01');

const running: RenewalFacts = {
  status: 'ACTIVE',
  suspensionCause: null,
  suspensionReason: null,
  licenseType: 'SUBSCRIPTION',
  expiryDate: noon('2026-12-31'),
  gracePeriodDays: 30,
  maintenanceExpiry: null,
  features: [],
};
const bySweep = { status: 'SUSPENDED', suspensionCause: 'GRACE_EXPIRED' } as const;

const renew = (license: Partial<RenewalFacts>, months: number, terms: Partial<RenewalTerms> = {}) =>
  renewed(
    { ...running, ...license },
    { durationMonths: months, extendMaintenance: false, upgradeFeatures: [], ...terms },
    now,
  );

describe('months are calendar months on top of the expiry', () => {
  test.each([
    ['31 January and a month', '2027-01-31', 1, '2027-02-28'],
    ['31 January of a leap year and a month', '2028-01-31', 1, '2028-02-29'],
    ['31 March and a month', '2026-03-31', 1, '2026-04-30'],
    ['31 August and six months', '2026-08-31', 6, '2027-02-28'],
    ['29 February and twelve months', '2028-02-29', 12, '2029-02-28'],
    ['29 February and 48 months', '2028-02-29', 48, '2032-02-29'],
    ['28 February of a leap year and twelve months', '2028-02-28', 12, '2029-02-28'],
    ['31 December and two months', '2026-12-31', 2, '2027-02-28'],
    ['a year that is not 360 days', '2026-12-15', 12, '2027-12-15'],
    ['sixty months', '2026-12-31', 60, '2031-12-31'],
    ['over the change to summer time', '2026-03-15', 1, '2026-04-15'],
  ])('%s', (_, expiry, months, end) => {
    expect(renew({ expiryDate: noon(expiry) }, months).expiryDate).toBe(noon(end));
  });

  test('the time of the day stays', () => {
    const expiryDate = at('2026-12-31T23:59:59.999Z');

    expect(renew({ expiryDate }, 2).expiryDate).toBe('2027-02-28T23:59:59.999Z');
  });
});

describe('where the months count from', () => {
  const inAMonth = noon('2026-04-01');
  const expired = (days: number) => ({ expiryDate: addDays(now, -days) });

  test.each<[string, Partial<RenewalFacts>, string, Instant | null]>([
    ['the expiry while it runs', { expiryDate: addDays(now, 1) }, 'ACTIVE', noon('2026-04-02')],
    ['the expiry at the very instant of it', { expiryDate: now }, 'ACTIVE', inAMonth],
    ['the expiry in grace', expired(29), 'ACTIVE', noon('2026-02-28')],
    ['now, at the end of grace', expired(30), 'ACTIVE', inAMonth],
    ['now, when it expired three years ago', expired(1095), 'ACTIVE', inAMonth],
    ['now, without grace', { ...expired(1), gracePeriodDays: 0 }, 'ACTIVE', inAMonth],
    ['now, when grace is absent', { ...expired(1), gracePeriodDays: null }, 'ACTIVE', inAMonth],
    ['now, when a sweep recorded the end of grace', { ...expired(31), ...bySweep }, 'ACTIVE', inAMonth],
    [
      'the expiry of one that is switched off',
      { status: 'INACTIVE', expiryDate: addDays(now, 1) },
      'INACTIVE',
      noon('2026-04-02'),
    ],
    ['now, when it expired while switched off', { ...expired(1), status: 'INACTIVE' }, 'ACTIVE', inAMonth],
    [
      'the expiry of one that is EXPIRED on record',
      { ...expired(2), status: 'EXPIRED' },
      'ACTIVE',
      noon('2026-03-27'),
    ],
    [
      'the expiry of a trial',
      { licenseType: 'TRIAL', expiryDate: addDays(now, 1) },
      'ACTIVE',
      noon('2026-04-02'),
    ],
    ['nothing, without an expiry', { expiryDate: null }, 'ACTIVE', null],
    ['nothing, for a perpetual license', { licenseType: 'PERPETUAL', expiryDate: null }, 'ACTIVE', null],
  ])('%s', (_, license, status, expiryDate) => {
    expect(renew(license, 1)).toMatchObject({ status, expiryDate });
  });
});

describe('maintenance', () => {
  const perpetual = { licenseType: 'PERPETUAL', expiryDate: null } as const;

  test.each<[string, Partial<RenewalFacts>, boolean, Instant | null]>([
    ['stays without being asked for', { maintenanceExpiry: noon('2026-05-31') }, false, noon('2026-05-31')],
    ['is extended when asked for', { maintenanceExpiry: noon('2026-05-31') }, true, noon('2026-06-30')],
    ['counts from now once it is over', { maintenanceExpiry: noon('2024-01-31') }, true, noon('2026-04-01')],
    ['without an end stays so although it is asked for', { maintenanceExpiry: null }, true, null],
    [
      'of a perpetual license is what is renewed',
      { ...perpetual, maintenanceExpiry: noon('2027-01-31') },
      false,
      noon('2027-02-28'),
    ],
    ['of a perpetual license begins where there was none', perpetual, false, noon('2026-04-01')],
    ['of a perpetual license begins once when it is asked for too', perpetual, true, noon('2026-04-01')],
  ])('%s', (_, license, extendMaintenance, end) => {
    expect(renew(license, 1, { extendMaintenance }).maintenanceExpiry).toBe(end);
  });
});

describe('upgraded features', () => {
  const feature = (featureId: string, limitValue: number | null): LicenseFeature => ({
    featureId,
    featureName: featureId,
    enabled: true,
    limitValue,
    limitType: null,
    limitPeriod: 'NONE',
    overage: 'DENY',
    expiresAt: null,
  });
  const features = [feature('api', 10), feature('vpn', 1)];

  test.each([
    ['replace in their place', [feature('api', 99)], [feature('api', 99), feature('vpn', 1)]],
    ['come behind when they are new', [feature('sso', null)], [...features, feature('sso', null)]],
    [
      'do both at once',
      [feature('sso', 2), feature('vpn', 0)],
      [feature('api', 10), feature('vpn', 0), feature('sso', 2)],
    ],
    ['change nothing when there are none', [], features],
  ])('%s', (_, upgradeFeatures, expected) => {
    expect(renew({ features }, 1, { upgradeFeatures }).features).toEqual(expected);
  });
});

test.each<[string, Partial<RenewalFacts>, RegExp]>([
  ['PENDING', { status: 'PENDING', expiryDate: null }, /activate it first/],
  ['REVOKED', { status: 'REVOKED' }, /issue a new one/],
  ['SUSPENDED for cause', { status: 'SUSPENDED', suspensionCause: 'MANUAL' }, /Reinstate it first/],
])('a license that is %s refuses renewal and says what to do', (_, license, hint) => {
  expect(() => renew(license, 1)).toThrow(
    expect.objectContaining({ code: 'LICENSE_NOT_RENEWABLE', message: expect.stringMatching(hint) }),
  );
});

test('a renewal past the last year that the system takes is refused by the name of the field', () => {
  const tooFar = () => renew({ expiryDate: at('8999-12-01T00:00:00Z') }, 2);

  expect(tooFar).toThrow(Refusal);
  expect(tooFar).toThrow(/input\.durationMonths/);
});
