import { addDays, type Instant } from '../../core/clock.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import {
  isTrialType,
  type LicenseFeature,
  type LicenseRestriction,
  templateInactive,
  templateNotFound,
} from '../../templates/model.js';
import { shareTemplate } from '../../templates/queries.js';
import { requireOnSale } from '../../templates/service.js';
import type { Product, Template } from '../../templates/table.js';
import type { IssueLicenseInput } from '../schema/inputs.js';
import {
  type IssuedLicense,
  insertLicense,
  type NewLicense,
  receivingCustomer,
  sellingReseller,
} from './newLicense.js';

/** `included: false` is not granted; limits and periods carry over. */
function grantedFeatures(template: Template): LicenseFeature[] {
  return template.features
    .filter((feature) => feature.included)
    .map(({ featureId, featureName, defaultLimit, limitType, limitPeriod, overage }) => ({
      featureId,
      featureName,
      enabled: true,
      limitValue: defaultLimit,
      limitType,
      limitPeriod,
      overage,
      expiresAt: null,
    }));
}

function carriedRestrictions(template: Template): LicenseRestriction[] {
  return template.restrictions.map(({ restrictionType, operator, defaultValues }) => ({
    restrictionType,
    operator,
    values: defaultValues,
  }));
}

interface Term {
  readonly licenseType: Template['licenseType'];
  readonly status: 'ACTIVE' | 'PENDING';
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
  readonly trialPeriodDays: number | null;
}

/** How a license of a template begins: a trial waits for its first activation, a perpetual one has only maintenance. */
function termOf(template: Template, trial: boolean, now: Instant): Term {
  const end = addDays(now, template.defaultDuration);
  const licenseType = trial ? 'TRIAL' : template.licenseType;
  if (isTrialType(licenseType)) {
    const trialPeriodDays = template.trialDurationDays;
    return { licenseType, status: 'PENDING', expiryDate: null, maintenanceExpiry: null, trialPeriodDays };
  }
  const expiryDate = licenseType === 'PERPETUAL' ? null : end;
  return { licenseType, status: 'ACTIVE', expiryDate, maintenanceExpiry: end, trialPeriodDays: null };
}

type OfTemplate = Omit<NewLicense, 'customerId' | 'resellerId' | 'issuedTo'>;

/** All that a license has of its template and product, as they are at an instant. */
export function licenseOf(template: Template, product: Product, trial: boolean, now: Instant): OfTemplate {
  const term = termOf(template, trial, now);
  return {
    ...term,
    productId: product.id,
    productName: product.name,
    productVersion: product.version,
    licenseModel: template.licenseModel,
    templateId: template.id,
    templateVersion: template.version,
    maxActivations: template.maxActivations,
    leaseSeconds: template.leaseSeconds,
    maxBorrowHours: template.maxBorrowHours,
    maxDeactivationsPerYear: template.maxDeactivationsPerYear,
    features: grantedFeatures(template),
    restrictions: carriedRestrictions(template),
    issuedDate: now,
    autoRenewal: term.status === 'ACTIVE' && term.expiryDate !== null && template.autoRenewalEnabled,
    gracePeriodDays: template.gracePeriodDays,
  };
}

export async function issueLicense(work: Work, input: IssueLicenseInput): Promise<IssuedLicense> {
  const template = await shareTemplate(work, input.templateId);
  if (template === undefined) throw templateNotFound(input.templateId);
  if (!template.active) throw templateInactive(input.templateId);
  const wantsTrial = input.trial === true && !isTrialType(template.licenseType);
  if (wantsTrial && !template.trialAllowed) {
    throw invalidInput([{ field: 'input.trial', message: 'the template allows no trials' }]);
  }
  const customer = await receivingCustomer(work, input.customerId);
  const product = await requireOnSale(work, template.productId);
  return insertLicense(work, {
    ...licenseOf(template, product, wantsTrial, work.now),
    customerId: customer.id,
    resellerId: await sellingReseller(work, undefined, customer),
    issuedTo: input.issuedTo ?? customer.name,
  });
}
