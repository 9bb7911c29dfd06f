import type { Language } from '../../access/model/settings.js';
import type { violationSeverities, violationTypes } from '../../compliance/model.js';
import type { LicenseType, LimitPeriod, LimitType } from '../../templates/model.js';
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
    | 'issued'
    | 'issuedTo'
    | 'licenseKey'
    | 'licenseType'
    | 'nextAttempt'
    | 'orderNumber'
    | 'product'
    | 'quantity'
    | 'reason'
    | 'resolveBy'
    | 'severity'
    | 'suspended'
    | 'total'
    | 'trialEnds'
    | 'trialPeriod'
    | 'used'
    | 'violation',
    string
  >
>;

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
  readonly RENEWAL_FAILED: (of: { product: string; customer: string }) => Said;
  readonly VIOLATION_DETECTED: (of: { violation: string; severity: string }) => Said;
  readonly ORDER_FULFILLED: (of: { order: string }) => Said;
  readonly EMERGENCY_CODE_USED: (of: { product: string; customer: string; until: string }) => Said;
}

export const words: Readonly<Record<Language, Words>> = {
  en: english,
  de: german,
  fr: french,
  es: spanish,
};
