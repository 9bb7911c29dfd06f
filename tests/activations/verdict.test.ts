import { expect, test } from 'vitest';
import {
  type Facts,
  type VerdictCode,
  verdictCodes,
  verdictOn,
  verdictRules,
} from '../../src/activations/model.js';
import { addMillis } from '../../src/core/clock.js';
import {
  BEFORE,
  device,
  facts,
  full,
  held,
  inGrace,
  LATER,
  NOW,
  pastGrace,
  stranger,
  suspended,
} from '../support/verdictFacts.js';

test.each<[string, Facts, VerdictCode, VerdictCode[]]>([
  ['a running license', facts(), 'VALID', []],
  ['a running license and its device', facts(device), 'VALID', []],
  [
    'no limit yet reached',
    facts({ ...stranger, seats: { others: 1, own: 1 } }),
    'NOT_ACTIVATED',
    ['NOT_ACTIVATED'],
  ],
  ['in grace', facts({}, inGrace), 'GRACE_PERIOD', []],
  ['in grace, its device', facts(device, inGrace), 'GRACE_PERIOD', []],
  [
    'the last millisecond of grace',
    facts({}, { expiryDate: addMillis(NOW, -30 * 86_400_000 + 1) }),
    'GRACE_PERIOD',
    [],
  ],
  [
    'the end of grace',
    facts({}, { expiryDate: addMillis(NOW, -30 * 86_400_000) }),
    'LICENSE_SUSPENDED',
    ['LICENSE_SUSPENDED'],
  ],
  ['the moment of expiry', facts({}, { expiryDate: NOW }), 'GRACE_PERIOD', []],
  [
    'no grace',
    facts({}, { expiryDate: NOW, gracePeriodDays: null }),
    'LICENSE_SUSPENDED',
    ['LICENSE_SUSPENDED'],
  ],
  ['in grace, a stranger', facts(stranger, inGrace), 'LICENSE_EXPIRED', ['LICENSE_EXPIRED', 'NOT_ACTIVATED']],
  ['past grace, its device', facts(device, pastGrace), 'LICENSE_SUSPENDED', ['LICENSE_SUSPENDED']],
  ['PENDING', facts({}, { status: 'PENDING', expiryDate: null }), 'NOT_ACTIVATED', ['NOT_ACTIVATED']],
  [
    'revoked',
    facts({ ...device, activation: { ...held, status: 'DEACTIVATED' } }, { status: 'REVOKED' }),
    'LICENSE_REVOKED',
    ['LICENSE_REVOKED', 'ACTIVATION_DEACTIVATED'],
  ],
  ['suspended', facts(device, suspended), 'LICENSE_SUSPENDED', ['LICENSE_SUSPENDED']],
  ['switched off', facts(device, { status: 'INACTIVE' }), 'LICENSE_INACTIVE', ['LICENSE_INACTIVE']],
  [
    'switched off, past its expiry',
    facts({}, { status: 'INACTIVE', expiryDate: NOW }),
    'LICENSE_SUSPENDED',
    ['LICENSE_SUSPENDED'],
  ],
  ['its product', facts({ productId: 'RADAR' }), 'VALID', []],
  ['another product', facts({ productId: 'SONAR' }), 'PRODUCT_MISMATCH', ['PRODUCT_MISMATCH']],
  [
    'an activation that is over',
    facts({ ...device, activation: { ...held, expiresAt: NOW } }),
    'ACTIVATION_EXPIRED',
    ['ACTIVATION_EXPIRED'],
  ],
  [
    'an activation that is over, in grace',
    facts({ ...device, activation: { ...held, expiresAt: NOW } }, inGrace),
    'LICENSE_EXPIRED',
    ['LICENSE_EXPIRED', 'ACTIVATION_EXPIRED'],
  ],
  [
    'an activation that is not over',
    facts({ ...device, activation: { ...held, expiresAt: LATER } }),
    'VALID',
    [],
  ],
  [
    'another fingerprint',
    facts({ ...device, fingerprintMatches: false }),
    'FINGERPRINT_MISMATCH',
    ['FINGERPRINT_MISMATCH'],
  ],
  ['its fingerprint', facts({ ...device, fingerprintMatches: true }), 'VALID', []],
  [
    'another user',
    facts({ ...device, activation: { ...held, userRef: 'ada' }, user: 'bo' }, { licenseModel: 'PER_SEAT' }),
    'USER_MISMATCH',
    ['USER_MISMATCH'],
  ],
  [
    'another user where devices count',
    facts({ ...device, activation: { ...held, userRef: 'ada' }, user: 'bo' }),
    'VALID',
    [],
  ],
  [
    'a user where none was named',
    facts({ ...device, user: 'bo' }, { licenseModel: 'PER_SEAT' }),
    'VALID',
    [],
  ],
  [
    'a lease that ran out',
    facts({ ...device, activation: { ...held, leaseExpiresAt: NOW } }),
    'LEASE_EXPIRED',
    ['LEASE_EXPIRED'],
  ],
  [
    'a lease that runs',
    facts({ ...device, activation: { ...held, leaseExpiresAt: addMillis(NOW, 1) } }),
    'VALID',
    [],
  ],
  [
    'full of users',
    facts({ ...stranger, seats: full }, { licenseModel: 'PER_SEAT' }),
    'TOO_MANY_USERS',
    ['TOO_MANY_USERS', 'NOT_ACTIVATED'],
  ],
  [
    'full of named users',
    facts({ ...stranger, seats: full }, { licenseType: 'NAMED_USER' }),
    'TOO_MANY_USERS',
    ['TOO_MANY_USERS', 'NOT_ACTIVATED'],
  ],
  [
    'full of devices',
    facts({ ...stranger, seats: full }),
    'TOO_MANY_DEVICES',
    ['TOO_MANY_DEVICES', 'NOT_ACTIVATED'],
  ],
  [
    'full of processors',
    facts({ ...stranger, seats: full }, { licenseModel: 'PER_CPU' }),
    'TOO_MANY_CPUS',
    ['TOO_MANY_CPUS', 'NOT_ACTIVATED'],
  ],
  [
    'full of cores',
    facts({ ...stranger, seats: full }, { licenseModel: 'PER_CORE' }),
    'TOO_MANY_CORES',
    ['TOO_MANY_CORES', 'NOT_ACTIVATED'],
  ],
  [
    'full of cores, by name',
    facts({ ...stranger, seats: full }, { licenseModel: 'PER_CORE', licenseType: 'NAMED_USER' }),
    'TOO_MANY_CORES',
    ['TOO_MANY_CORES', 'NOT_ACTIVATED'],
  ],
  [
    'full of leases',
    facts({ ...stranger, seats: full }, { licenseType: 'CONCURRENT' }),
    'TOO_MANY_LEASES',
    ['TOO_MANY_LEASES', 'NOT_ACTIVATED'],
  ],
  ['a site is never full', facts({ ...device, seats: full }, { licenseModel: 'SITE_LICENSE' }), 'VALID', []],
  [
    'an enterprise is never full',
    facts({ ...device, seats: full }, { licenseModel: 'ENTERPRISE', licenseType: 'CONCURRENT' }),
    'VALID',
    [],
  ],
  ['features that are granted', facts({ features: ['maps', 'soon'] }), 'VALID', []],
  [
    'a feature that is switched off',
    facts({ features: ['maps', 'off'] }),
    'FEATURE_NOT_LICENSED',
    ['FEATURE_NOT_LICENSED'],
  ],
  ['a feature that is over', facts({ features: ['over'] }), 'FEATURE_NOT_LICENSED', ['FEATURE_NOT_LICENSED']],
  [
    'a feature that is not there',
    facts({ features: ['sonar'] }),
    'FEATURE_NOT_LICENSED',
    ['FEATURE_NOT_LICENSED'],
  ],
  [
    'nearly everything at once',
    facts(
      {
        ...device,
        activation: { ...held, leaseExpiresAt: BEFORE, expiresAt: null },
        fingerprintMatches: false,
        productId: 'SONAR',
        features: ['x'],
        seats: full,
      },
      { ...suspended, licenseType: 'CONCURRENT' },
    ),
    'LICENSE_SUSPENDED',
    [
      'LICENSE_SUSPENDED',
      'PRODUCT_MISMATCH',
      'FINGERPRINT_MISMATCH',
      'LEASE_EXPIRED',
      'TOO_MANY_LEASES',
      'FEATURE_NOT_LICENSED',
    ],
  ],
])('%s', (_, asked, code, reasons) => {
  const verdict = verdictOn(asked);

  expect(verdict.code).toBe(code);
  expect(verdict.reasons).toEqual(reasons.map((each) => ({ code: each, message: verdictCodes[each] })));
  expect(verdict.valid).toBe(code === 'VALID' || code === 'GRACE_PERIOD');
});

test('asks its rules in the order of the closed list', () => {
  const closed: string[] =
    `KEY_MALFORMED NOT_FOUND DEVICE_BLACKLISTED LICENSE_REVOKED LICENSE_SUSPENDED LICENSE_INACTIVE LICENSE_EXPIRED
      PRODUCT_MISMATCH VERSION_NOT_COVERED ACTIVATION_DEACTIVATED ACTIVATION_EXPIRED FINGERPRINT_MISMATCH USER_MISMATCH
      LEASE_EXPIRED RESTRICTED_GEOGRAPHIC RESTRICTED_DOMAIN RESTRICTED_IP_RANGE RESTRICTED_MAC_ADDRESS
      RESTRICTED_HARDWARE_ID RESTRICTED_TIME TOO_MANY_USERS TOO_MANY_DEVICES TOO_MANY_CPUS TOO_MANY_CORES
      TOO_MANY_LEASES FEATURE_NOT_LICENSED NOT_ACTIVATED SIGNATURE_INVALID FILE_EXPIRED CLOCK_SET_BACK GRACE_PERIOD
      VALID`.split(/\s+/);
  const known: string[] = Object.keys(verdictCodes);
  const ruled: string[] = verdictRules.map((rule) => rule.code);

  expect(known).toEqual(closed.filter((code) => known.includes(code)));
  expect(ruled).toEqual(known.slice(2, -2));
});
