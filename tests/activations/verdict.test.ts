import { expect, test } from 'vitest';
import {
  type Facts,
  type VerdictCode,
  verdictCodes,
  verdictOn,
  verdictRules,
} from '../../src/activations/model/verdict.js';
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
    'a device that is shut out',
    facts({ ...device, blacklisted: true }),
    'DEVICE_BLACKLISTED',
    ['DEVICE_BLACKLISTED'],
  ],
  [
    'a device that is shut out of a revoked license',
    facts({ ...stranger, blacklisted: true }, { status: 'REVOKED' }),
    'DEVICE_BLACKLISTED',
    ['DEVICE_BLACKLISTED', 'LICENSE_REVOKED', 'NOT_ACTIVATED'],
  ],
  ['a device that is not shut out', facts({ ...device, blacklisted: false }), 'VALID', []],
  [
    'a version that came while maintenance ran',
    facts({ version: { name: '4.0', releasedAt: BEFORE } }, { maintenanceExpiry: BEFORE }),
    'VALID',
    [],
  ],
  [
    'a version that came after maintenance',
    facts({ version: { name: '4.0', releasedAt: addMillis(BEFORE, 1) } }, { maintenanceExpiry: BEFORE }),
    'VERSION_NOT_COVERED',
    ['VERSION_NOT_COVERED'],
  ],
  [
    'the version that was bought, whenever it was released',
    facts({ version: { name: '3.0', releasedAt: LATER } }, { maintenanceExpiry: BEFORE }),
    'VALID',
    [],
  ],
  [
    'a version that nobody knows, while maintenance runs',
    facts({ version: { name: '4.0', releasedAt: null } }, { maintenanceExpiry: LATER }),
    'VALID',
    [],
  ],
  [
    'a version that nobody knows, after maintenance',
    facts({ version: { name: '4.0', releasedAt: null } }, { maintenanceExpiry: BEFORE }),
    'VERSION_NOT_COVERED',
    ['VERSION_NOT_COVERED'],
  ],
  [
    'a version that is to come, past the end of maintenance',
    facts({ version: { name: '4.0', releasedAt: LATER } }, { maintenanceExpiry: addMillis(NOW, 1) }),
    'VERSION_NOT_COVERED',
    ['VERSION_NOT_COVERED'],
  ],
  [
    'any version, of maintenance without an end',
    facts({ version: { name: '9.0', releasedAt: LATER } }),
    'VALID',
    [],
  ],
  [
    'an emergency on a full license',
    facts({ ...stranger, emergency: true, seats: full }),
    'NOT_ACTIVATED',
    ['NOT_ACTIVATED'],
  ],
  [
    'an emergency in grace',
    facts({ ...stranger, emergency: true }, inGrace),
    'NOT_ACTIVATED',
    ['NOT_ACTIVATED'],
  ],
  [
    'an emergency past grace',
    facts({ ...stranger, emergency: true }, pastGrace),
    'NOT_ACTIVATED',
    ['NOT_ACTIVATED'],
  ],
  [
    'an emergency past grace, once it is activated',
    facts({ ...device, activation: { ...held, activationType: 'EMERGENCY', expiresAt: LATER } }, pastGrace),
    'VALID',
    [],
  ],
  [
    'an emergency on a floating license, whatever its lease',
    facts({
      ...device,
      activation: { ...held, activationType: 'EMERGENCY', expiresAt: LATER, leaseExpiresAt: NOW },
    }),
    'VALID',
    [],
  ],
  [
    'an emergency that is over',
    facts({ ...device, activation: { ...held, activationType: 'EMERGENCY', expiresAt: NOW } }, pastGrace),
    'ACTIVATION_EXPIRED',
    ['ACTIVATION_EXPIRED'],
  ],
  [
    'an emergency past a grace that a sweep has recorded',
    facts(
      { ...stranger, emergency: true },
      { ...suspended, suspensionCause: 'GRACE_EXPIRED', suspendedFrom: 'ACTIVE' },
    ),
    'NOT_ACTIVATED',
    ['NOT_ACTIVATED'],
  ],
  [
    'an emergency of a license that was switched off when it expired',
    facts({ ...stranger, emergency: true }, { ...pastGrace, status: 'INACTIVE' }),
    'LICENSE_SUSPENDED',
    ['LICENSE_SUSPENDED', 'NOT_ACTIVATED'],
  ],
  [
    'the same when a sweep has recorded it',
    facts(
      { ...stranger, emergency: true },
      { ...suspended, suspensionCause: 'GRACE_EXPIRED', suspendedFrom: 'INACTIVE' },
    ),
    'LICENSE_SUSPENDED',
    ['LICENSE_SUSPENDED', 'NOT_ACTIVATED'],
  ],
  [
    'an emergency of a license that is suspended for cause',
    facts({ ...stranger, emergency: true }, suspended),
    'LICENSE_SUSPENDED',
    ['LICENSE_SUSPENDED', 'NOT_ACTIVATED'],
  ],
  [
    'an emergency on a device that is shut out of a revoked, restricted license',
    facts(
      { ...stranger, emergency: true, blacklisted: true, restrictionFacts: {} },
      {
        status: 'REVOKED',
        restrictions: [{ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE'] }],
      },
    ),
    'DEVICE_BLACKLISTED',
    ['DEVICE_BLACKLISTED', 'LICENSE_REVOKED', 'RESTRICTED_GEOGRAPHIC', 'NOT_ACTIVATED'],
  ],
  [
    'a file as it was signed',
    facts({ signatureValid: true, fileExpiresAt: LATER, clockSetBack: false }),
    'VALID',
    [],
  ],
  ['a file that was changed', facts({ signatureValid: false }), 'SIGNATURE_INVALID', ['SIGNATURE_INVALID']],
  ['a file that is over', facts({ fileExpiresAt: NOW }), 'FILE_EXPIRED', ['FILE_EXPIRED']],
  ['a clock that was set back', facts({ clockSetBack: true }), 'CLOCK_SET_BACK', ['CLOCK_SET_BACK']],
  [
    'a file with which everything is wrong',
    facts({ signatureValid: false, fileExpiresAt: BEFORE, clockSetBack: true, features: ['x'] }),
    'FEATURE_NOT_LICENSED',
    ['FEATURE_NOT_LICENSED', 'SIGNATURE_INVALID', 'FILE_EXPIRED', 'CLOCK_SET_BACK'],
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
  expect(verdict.reasons.map((each) => each.code)).toEqual(reasons);
  for (const each of verdict.reasons) {
    expect(each.message).toBe(verdictCodes[each.code]);
    expect(each.remedy).toMatch(/^[A-Z].{10,}\.$/);
    expect(each.remedy).not.toMatch(/undefined|null/);
  }
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

  expect(known).toEqual(closed);
  expect(ruled).toEqual(known.slice(2, -2));
});
