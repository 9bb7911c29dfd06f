import { mayAct, scopeOf } from '../../core/actor.js';
import { addDays, type Instant } from '../../core/clock.js';
import { type FieldProblem, invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { isTrialType } from '../../templates/model.js';
import { requireOnSale } from '../../templates/service.js';
import { type LicenseStatus, parseLicenseKey, spanProblems } from '../model.js';
import type { CreateLicenseInput } from '../schema/inputs.js';
import {
  type IssuedLicense,
  insertLicense,
  keptRestrictions,
  type NewLicense,
  receivingCustomer,
  requireSound,
  sellingReseller,
} from './newLicense.js';

/** Key, status and issue date are obeyed when the caller may import, and ignored otherwise. */
function importedFacts(work: Work, input: CreateLicenseInput) {
  const trial = isTrialType(input.licenseType);
  const begins: 'PENDING' | 'ACTIVE' = trial ? 'PENDING' : 'ACTIVE';
  if (!mayAct(work.actor, 'license.import'))
    return { status: begins, issuedDate: work.now, licenseKey: undefined };
  const licenseKey = input.licenseKey ? parseLicenseKey(input.licenseKey) : undefined;
  const problems: FieldProblem[] = [];
  if (input.licenseKey && licenseKey === undefined) {
    problems.push({ field: 'input.licenseKey', message: 'must have the form XXXX-XXXX-XXXX-XXXX-XXXX' });
  }
  if (input.status && input.status !== 'ACTIVE' && input.status !== 'PENDING') {
    problems.push({ field: 'input.status', message: 'a license begins ACTIVE, or PENDING if it is a trial' });
  }
  if (problems.length > 0) throw invalidInput(problems);
  const status = input.status === 'ACTIVE' || input.status === 'PENDING' ? input.status : begins;
  return { status, issuedDate: input.issuedDate ?? work.now, licenseKey };
}

/** A trial that is imported ACTIVE began when it was issued. */
function expiryOf(input: CreateLicenseInput, status: LicenseStatus, issuedDate: Instant): Instant | null {
  const begun = isTrialType(input.licenseType) && status === 'ACTIVE' && input.trialPeriodDays;
  return input.expiryDate ?? (begun ? addDays(issuedDate, begun) : null);
}

/** Only a caller who sees the whole tenant makes a license of the whole tenant. */
function holderOf(work: Work, input: CreateLicenseInput): string | null {
  const { customerId, resellerId } = scopeOf(work.actor);
  const holder = input.customerId ?? customerId ?? null;
  if (holder === null && resellerId !== undefined) {
    throw invalidInput([{ field: 'input.customerId', message: 'a reseller has to name the customer' }]);
  }
  return holder;
}

export async function createLicense(work: Work, input: CreateLicenseInput): Promise<IssuedLicense> {
  requireSound(input.features, input.restrictions);
  const { status, issuedDate, licenseKey } = importedFacts(work, input);
  const expiryDate = expiryOf(input, status, issuedDate);
  const trialPeriodDays = input.trialPeriodDays ?? null;
  const span = { licenseType: input.licenseType, status, issuedDate, expiryDate, trialPeriodDays };
  const problems = spanProblems(span, work.now);
  if (problems.length > 0) throw invalidInput(problems);
  const product = await requireOnSale(work, input.productId);
  const holder = holderOf(work, input);
  const customer = holder === null ? undefined : await receivingCustomer(work, holder);
  const values: NewLicense = {
    ...span,
    productId: product.id,
    productName: input.productName ?? product.name,
    productVersion: input.productVersion ?? product.version,
    licenseModel: input.licenseModel,
    customerId: customer?.id ?? null,
    resellerId: await sellingReseller(work, input.resellerId, customer),
    issuedTo: input.issuedTo,
    maxActivations: input.maxActivations,
    features: input.features,
    restrictions: keptRestrictions(work, input.restrictions),
    maintenanceExpiry: input.maintenanceExpiry ?? null,
    autoRenewal: input.autoRenewal,
    gracePeriodDays: input.gracePeriodDays ?? null,
    leaseSeconds: input.leaseSeconds ?? null,
    maxBorrowHours: input.maxBorrowHours ?? null,
    maxDeactivationsPerYear: input.maxDeactivationsPerYear ?? null,
    metadata: input.metadata ?? {},
  };
  return insertLicense(work, values, licenseKey);
}
