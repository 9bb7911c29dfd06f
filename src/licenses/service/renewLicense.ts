import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { featureProblems, type LicenseFeature } from '../../templates/model.js';
import { type RenewalCause, type RenewalTerms, renewed } from '../model.js';
import type { RenewLicenseInput } from '../schema/inputs.js';
import type { License } from '../table.js';
import { changeLicense, licenseToChange, notSuspended } from './changeLicense.js';

/** What a renewal came from: somebody's hand, an order, or a charge; the last two with their invoice, if there was one. */
export interface RenewalOrigin {
  readonly by: RenewalCause;
  readonly invoiceId?: string | null;
}

/** Renews a license that the caller has locked; refused, before anything is written, where it cannot be renewed. */
export async function renewLocked(
  work: Work,
  license: License,
  terms: RenewalTerms,
  { by, invoiceId }: RenewalOrigin,
): Promise<License> {
  const renewal = renewed(license, terms, work.now);
  const row = await changeLicense(work, license, { ...renewal, ...notSuspended });
  const data = {
    by,
    ...(invoiceId ? { invoice_id: invoiceId } : {}),
    duration_months: terms.durationMonths,
    from: license.expiryDate,
    to: row.expiryDate,
    upgraded: terms.upgradeFeatures.map((feature) => feature.featureId),
  };
  await work.emit({ type: 'license.renewed', subjectId: row.id, licenseId: row.id, data });
  return row;
}

export async function renewLicense(work: Work, input: RenewLicenseInput): Promise<License> {
  const upgradeFeatures = input.upgradeFeatures ?? [];
  requireUpgrades(upgradeFeatures);
  const license = await licenseToChange(work, input.licenseId);
  const { durationMonths, extendMaintenance } = input;
  const terms = { durationMonths, extendMaintenance: extendMaintenance ?? false, upgradeFeatures };
  return renewLocked(work, license, terms, { by: 'HAND' });
}

function requireUpgrades(features: readonly LicenseFeature[]): void {
  const problems = featureProblems(features, 'input.upgradeFeatures');
  if (problems.length > 0) throw invalidInput(problems);
}
