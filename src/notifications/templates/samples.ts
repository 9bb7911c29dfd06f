import { addDays, type Instant } from '../../core/clock.js';
import type { Company, Letter, LetterFacts, ToldLicense } from '../model/letters.js';
import type { MailKind } from '../model/mail.js';

const company: Company = {
  name: 'Radar Networks',
  color: '#1f4e8c',
  address: '1 Harbour Street\nDublin 2\nIreland',
  portalUrl: 'https://portal.example.com',
  activationUrl: 'https://portal.example.com/activate',
  termsUrl: 'https://example.com/terms',
  supportEmail: 'support@example.com',
  supportPhone: '+353 1 555 0100',
};

const license: ToldLicense = {
  licenseKey: 'A1B2-****-****-****-I9J0',
  productName: 'Radar Professional',
  licenseType: 'SUBSCRIPTION',
  issuedTo: 'Ada Okafor',
};

type OfLicense =
  | 'LICENSE_ISSUED'
  | 'LICENSE_EXPIRING'
  | 'LICENSE_SUSPENDED'
  | 'LICENSE_REVOKED'
  | 'LICENSE_RENEWED'
  | 'RENEWAL_FAILED';

function licenseFacts(now: Instant): Pick<LetterFacts, OfLicense> {
  return {
    LICENSE_ISSUED: {
      ...license,
      licenseKey: 'A1B2-C3D4-E5F6-G7H8-I9J0',
      licenseType: 'TRIAL',
      issueDate: now,
      expiryDate: addDays(now, 14),
      trialPeriodDays: 14,
      trialEndDate: addDays(now, 14),
      autoRenewal: false,
      maxActivations: 1250,
      features: [
        { name: 'Internet access', limit: 200, unit: 'BANDWIDTH', period: 'NONE' },
        { name: 'API calls', limit: 10_000, unit: 'COUNT', period: 'MONTH' },
        { name: 'Customer portal', limit: null, unit: null, period: 'NONE' },
      ],
    },
    LICENSE_EXPIRING: {
      ...license,
      expiryDate: addDays(now, 7),
      daysRemaining: 7,
      autoRenewal: false,
      graceEndDate: addDays(now, 37),
    },
    LICENSE_SUSPENDED: {
      ...license,
      suspendedAt: now,
      graceExpired: false,
      reason: 'Invoice 1042 is overdue',
    },
    LICENSE_REVOKED: { ...license, revokedAt: now, reason: 'The order was taken back' },
    LICENSE_RENEWED: {
      ...license,
      renewedAt: now,
      expiryDate: addDays(now, 365),
      invoiceNumber: 'INV-2026-000017',
      amount: '2990.00',
      currency: 'EUR',
    },
    RENEWAL_FAILED: {
      ...license,
      failedAt: now,
      reason: 'CARD_DECLINED',
      attempt: 2,
      attempts: 4,
      nextAttemptAt: addDays(now, 3),
      expiryDate: addDays(now, 7),
      graceEndDate: addDays(now, 37),
      invoiceNumber: 'INV-2026-000017',
      amount: '2990.00',
      currency: 'EUR',
    },
  };
}

function factsAt(now: Instant): LetterFacts {
  return {
    ...licenseFacts(now),
    VIOLATION_DETECTED: {
      violationType: 'OVER_DEPLOYMENT',
      severity: 'MAJOR',
      description: '12 devices are active on 10 seats',
      detectedAt: now,
      resolutionDeadline: addDays(now, 30),
      customerName: 'Ada Okafor',
      license,
    },
    ORDER_FULFILLED: {
      orderNumber: 'ORD-2026-000042',
      productName: 'Radar Professional',
      quantity: 2,
      totalAmount: '7475.50',
      currency: 'EUR',
      fulfilledAt: now,
      licenses: [license, { ...license, licenseKey: 'K1L2-****-****-****-S9T0', issuedTo: 'Grace Moreau' }],
      licenseCount: 2,
      isRenewal: false,
    },
    ORDER_REFUNDED: {
      orderNumber: 'ORD-2026-000042',
      productName: 'Radar Professional',
      refundedAt: now,
      licenseCount: 25,
    },
    ORDER_STOPPED: {
      orderNumber: 'ORD-2026-000042',
      productName: 'Radar Professional',
      customerName: 'Ada Okafor',
      quantity: 750,
      made: 250,
      stoppedAt: now,
      code: 'INTERNAL_SERVER_ERROR',
    },
    BULK_ISSUE_FAILED: {
      bulkIssueId: '0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b',
      issued: 500,
      refused: 3,
      waiting: 247,
      stoppedAt: now,
      code: 'INTERNAL_SERVER_ERROR',
    },
    EMERGENCY_CODE_USED: { ...license, usedAt: now, endsAt: addDays(now, 1) },
  };
}

/** A letter of each kind with something in every place: for the preview page. */
export function sampleLetter(kind: MailKind, now: Instant): Letter {
  const letter = { kind, company, recipientName: 'Ada Okafor', writtenAt: now, facts: factsAt(now)[kind] };
  return letter as Letter;
}
