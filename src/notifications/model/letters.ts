/**
 * What each mail tells: facts, no words. They are taken down when the fact happened, so that a mail that is sent again, or read
 * years later, says the same.
 */
import { renewalNotices } from '../../billing/model/renewals.js';
import type { violationSeverities, violationTypes } from '../../compliance/model.js';
import type { Instant } from '../../core/clock.js';
import type { LicenseType, LimitPeriod, LimitType } from '../../templates/model.js';
import type { MailKind } from './mail.js';

/** The tenant, as its branding was. */
export interface Company {
  readonly name: string;
  readonly color: string;
  readonly address?: string;
  readonly logoUrl?: string;
  readonly portalUrl?: string;
  readonly activationUrl?: string;
  readonly termsUrl?: string;
  readonly supportEmail?: string;
  readonly supportPhone?: string;
}

export interface ToldFeature {
  readonly name: string;
  /** Null is without a limit. */
  readonly limit: number | null;
  readonly unit: LimitType | null;
  readonly period: LimitPeriod;
}

export interface ToldLicense {
  /** In full in the mail that hands it out, masked in every other. */
  readonly licenseKey: string;
  readonly productName: string;
  readonly licenseType: LicenseType;
  readonly issuedTo: string;
}

/** Why a renewal failed, in billing's words, and `OTHER` for one that another version of the program may have written. */
export const toldFailures = [...renewalNotices, 'OTHER'] as const;
export type ToldFailure = (typeof toldFailures)[number];

export function failureOf(code: string | null): ToldFailure {
  return toldFailures.find((known) => known === code) ?? 'OTHER';
}

/** Licenses of an order up to so many are told one by one, each with its key; those of a larger one in one mail. */
export const TOLD_SINGLY = 25;

export interface LetterFacts {
  readonly LICENSE_ISSUED: ToldLicense & {
    readonly issueDate: Instant;
    /** Null for a license that never ends, and for a trial that has not begun. */
    readonly expiryDate: Instant | null;
    readonly trialPeriodDays: number | null;
    readonly trialEndDate: Instant | null;
    readonly autoRenewal: boolean;
    /** Null is without a limit. */
    readonly maxActivations: number | null;
    readonly features: readonly ToldFeature[];
  };
  readonly LICENSE_EXPIRING: ToldLicense & {
    readonly expiryDate: Instant;
    readonly daysRemaining: number;
    readonly autoRenewal: boolean;
    readonly graceEndDate: Instant | null;
  };
  readonly LICENSE_SUSPENDED: ToldLicense & {
    readonly suspendedAt: Instant;
    readonly graceExpired: boolean;
    /** What somebody wrote; not told of the end of grace. */
    readonly reason: string | null;
  };
  readonly LICENSE_REVOKED: ToldLicense & {
    readonly revokedAt: Instant;
    readonly reason: string | null;
  };
  /** A receipt: it was charged for. */
  readonly LICENSE_RENEWED: ToldLicense & {
    readonly renewedAt: Instant;
    readonly expiryDate: Instant | null;
    readonly invoiceNumber: string | null;
    readonly amount: string | null;
    readonly currency: string | null;
  };
  readonly RENEWAL_FAILED: ToldLicense & {
    readonly failedAt: Instant;
    readonly reason: ToldFailure;
    /** Which try it was, of how many. */
    readonly attempt: number | null;
    readonly attempts: number | null;
    /** Null where it is not tried again. */
    readonly nextAttemptAt: Instant | null;
    readonly expiryDate: Instant | null;
    readonly graceEndDate: Instant | null;
    readonly invoiceNumber: string | null;
    readonly amount: string | null;
    readonly currency: string | null;
  };
  readonly VIOLATION_DETECTED: {
    readonly violationType: (typeof violationTypes)[number];
    readonly severity: (typeof violationSeverities)[number];
    readonly description: string;
    readonly detectedAt: Instant;
    readonly resolutionDeadline: Instant | null;
    readonly customerName: string | null;
    readonly license: ToldLicense | null;
  };
  readonly ORDER_FULFILLED: {
    readonly orderNumber: string;
    readonly productName: string;
    readonly quantity: number;
    readonly totalAmount: string;
    readonly currency: string;
    readonly fulfilledAt: Instant;
    /** What it made, with their keys masked; of more than TOLD_SINGLY none, and `licenseCount` says how many. */
    readonly licenses: readonly ToldLicense[];
    readonly licenseCount: number;
    /** Whether it renewed them, and made none. */
    readonly isRenewal: boolean;
  };
  readonly ORDER_REFUNDED: {
    readonly orderNumber: string;
    readonly productName: string;
    readonly refundedAt: Instant;
    /** How many licenses it had made. */
    readonly licenseCount: number;
  };
  readonly ORDER_STOPPED: {
    readonly orderNumber: string;
    readonly productName: string;
    readonly customerName: string | null;
    readonly quantity: number;
    readonly made: number;
    readonly stoppedAt: Instant;
    /** One of the listed codes; null where the fact has none. */
    readonly code: string | null;
  };
  readonly BULK_ISSUE_FAILED: {
    readonly bulkIssueId: string;
    readonly issued: number;
    readonly refused: number;
    readonly waiting: number;
    readonly stoppedAt: Instant;
    readonly code: string | null;
  };
  readonly EMERGENCY_CODE_USED: ToldLicense & {
    readonly usedAt: Instant;
    readonly endsAt: Instant;
  };
}

type LetterOf<Kind extends MailKind> = {
  readonly kind: Kind;
  readonly company: Company;
  /** Whom it greets: the customer, or the vendor's own people by the company's name. */
  readonly recipientName: string;
  /** When it was written: its year stands below it. */
  readonly writtenAt: Instant;
  readonly facts: LetterFacts[Kind];
};

export type Letter = { readonly [Kind in MailKind]: LetterOf<Kind> }[MailKind];

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;
const LONGEST = 500;

/** One line of text, of what can be seen: a name turns no text around and begins no header. */
export function plainLine(text: string): string {
  return text.replace(UNSEEN, ' ').replace(/\s+/gu, ' ').trim().slice(0, LONGEST).toWellFormed();
}

const MULTILINE = new Set(['address']);

function plainValue(name: string, value: unknown): unknown {
  if (typeof value === 'string') {
    if (!MULTILINE.has(name)) return plainLine(value);
    return value.split(/\r?\n/).map(plainLine).join('\n');
  }
  if (Array.isArray(value)) return value.map((item) => plainValue(name, item));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(key, item)]));
}

/** A letter with every text of it made plain, whoever wrote it. */
export function plainLetter(letter: Letter): Letter {
  return plainValue('', letter) as Letter;
}

/** The same with a license key that nobody can use: how it is read after it was sent. */
export function maskedLetter(letter: Letter): Letter {
  if (letter.kind !== 'LICENSE_ISSUED') return letter;
  const groups = letter.facts.licenseKey.split('-');
  const [first = '', last = ''] = [groups[0], groups.at(-1)];
  const licenseKey = [first, ...groups.slice(1, -1).map(() => '****'), last].join('-');
  return { ...letter, facts: { ...letter.facts, licenseKey } };
}
