import type { Language } from '../../access/model/settings.js';
import type { violationSeverities, violationTypes } from '../../compliance/model.js';
import type { LicenseType, LimitPeriod, LimitType } from '../../templates/model.js';
import type { ToldFailure } from '../model/letters.js';
import { german } from './words/de.js';
import { english } from './words/en.js';
import { spanish } from './words/es.js';
import { french } from './words/fr.js';

/** What a mail says in words: its subject, its heading and what stands between greeting and facts. */
export interface Said {
  readonly subject: string;
  readonly heading: string;
  readonly paragraphs: readonly string[];
}

type Labels = Readonly<
  Record<
    | 'activations'
    | 'amount'
    | 'attempt'
    | 'autoRenewal'
    | 'customer'
    | 'description'
    | 'detected'
    | 'ended'
    | 'expires'
    | 'failed'
    | 'features'
    | 'fulfilled'
    | 'graceEnds'
    | 'invoice'
    | 'issued'
    | 'issuedTo'
    | 'licenseKey'
    | 'licenses'
    | 'list'
    | 'made'
    | 'licenseType'
    | 'nextAttempt'
    | 'orderNumber'
    | 'product'
    | 'quantity'
    | 'reason'
    | 'refunded'
    | 'refused'
    | 'renewed'
    | 'resolveBy'
    | 'revoked'
    | 'severity'
    | 'stopped'
    | 'suspended'
    | 'total'
    | 'trialEnds'
    | 'trialPeriod'
    | 'used'
    | 'violation'
    | 'waiting',
    string
  >
>;

/** What becomes of a license that is not renewed. */
export interface Lapse {
  readonly expires: string;
  /** Whether that day is over. */
  readonly hasExpired: boolean;
  /** Until when it is honoured beyond; null where it is not. */
  readonly graceEnds: string | null;
}

/** Everything that mail says, in one language. */
export interface Words {
  readonly greeting: (name: string) => string;
  readonly closing: string;
  readonly labels: Labels;
  readonly yes: string;
  readonly no: string;
  readonly unlimited: string;
  readonly never: string;
  readonly days: (count: number, written: string) => string;
  readonly licenseTypes: Readonly<Record<LicenseType, string>>;
  readonly units: Readonly<Record<LimitType, string>>;
  readonly periods: Readonly<Record<LimitPeriod, string>>;
  readonly violations: Readonly<Record<(typeof violationTypes)[number], string>>;
  readonly renewalFailures: Readonly<Record<ToldFailure, string>>;
  /** Which try of how many. */
  readonly attemptOf: (attempt: string, attempts: string) => string;
  readonly severities: Readonly<Record<(typeof violationSeverities)[number], string>>;
  readonly support: string;
  readonly terms: string;
  readonly openPortal: string;
  readonly activate: string;
  readonly renew: string;
  readonly graceExpired: string;
  readonly LICENSE_ISSUED: (of: { product: string }) => Said;
  readonly TRIAL_ISSUED: (of: { product: string; days: string }) => Said;
  readonly LICENSE_EXPIRING: (of: {
    product: string;
    date: string;
    days: string;
    renewsItself: boolean;
  }) => Said;
  readonly LICENSE_SUSPENDED: (of: { product: string; graceExpired: boolean }) => Said;
  readonly LICENSE_REVOKED: (of: { product: string }) => Said;
  readonly LICENSE_RENEWED: (of: { product: string; until: string | null }) => Said;
  readonly RENEWAL_FAILED: (of: {
    product: string;
    customer: string;
    /** Null where it is not tried again. */
    nextAttempt: string | null;
    lapse: Lapse | null;
  }) => Said;
  readonly VIOLATION_DETECTED: (of: { violation: string; severity: string }) => Said;
  readonly ORDER_FULFILLED: (of: {
    order: string;
    /** Written out; null where each of its licenses has a mail of its own. */
    count: string | null;
    hasPortal: boolean;
    isRenewal: boolean;
  }) => Said;
  readonly ORDER_REFUNDED: (of: { order: string }) => Said;
  readonly ORDER_STOPPED: (of: { order: string; made: string; quantity: string }) => Said;
  readonly BULK_ISSUE_FAILED: (of: { issued: string; waiting: string }) => Said;
  readonly EMERGENCY_CODE_USED: (of: { product: string; customer: string; until: string }) => Said;
}

export const words: Readonly<Record<Language, Words>> = {
  en: english,
  de: german,
  fr: french,
  es: spanish,
};
