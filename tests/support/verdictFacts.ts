import type { ActivationFacts, LicenseFacts } from '../../src/activations/model/activation.js';
import type { Facts } from '../../src/activations/model/verdict.js';
import { addMillis, instant } from '../../src/core/clock.js';

/** Facts of validations: a license that runs, with one thing changed. */
export const NOW = instant(Date.parse('2026-03-01T12:00:00Z'));
export const BEFORE = addMillis(NOW, -9 * 86_400_000);
export const LATER = addMillis(NOW, 31 * 86_400_000);

function feature(featureId: string, more: object = {}) {
  const unlimited = {
    limitValue: null,
    limitType: null,
    limitPeriod: 'NONE',
    overage: 'DENY',
    expiresAt: null,
  } as const;
  return { featureId, featureName: featureId, enabled: true, ...unlimited, ...more };
}

export const license: LicenseFacts = {
  status: 'ACTIVE',
  suspensionCause: null,
  suspensionReason: null,
  suspendedFrom: null,
  expiryDate: LATER,
  gracePeriodDays: 30,
  productId: 'RADAR',
  productVersion: '3.0',
  maintenanceExpiry: null,
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  maxActivations: 2,
  features: [
    feature('maps'),
    feature('off', { enabled: false }),
    feature('over', { expiresAt: NOW }),
    feature('soon', { expiresAt: LATER }),
  ],
  restrictions: [],
};
export const held: ActivationFacts = {
  activationType: 'ONLINE',
  status: 'ACTIVE',
  userRef: null,
  expiresAt: null,
  leaseExpiresAt: null,
};

export function facts(more: Partial<Facts> = {}, of: Partial<LicenseFacts> = {}): Facts {
  return { now: NOW, deviceNamed: false, ...more, license: { ...license, ...of } };
}

export const suspended = {
  status: 'SUSPENDED',
  suspensionCause: 'MANUAL',
  suspensionReason: 'Unpaid',
} as const;
export const inGrace = { expiryDate: BEFORE };
export const pastGrace = { expiryDate: BEFORE, gracePeriodDays: 5 };
export const device = { deviceNamed: true, activation: held };
export const stranger = { deviceNamed: true };
export const full = { others: 2, own: 1 };
