import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { featureProblems, type LicenseFeature } from '../../templates/model.js';
import { renewed } from '../model.js';
import type { RenewLicenseInput } from '../schema/inputs.js';
import type { License } from '../table.js';
import { changeLicense, licenseToChange, notSuspended } from './changeLicense.js';

export async function renewLicense(work: Work, input: RenewLicenseInput): Promise<License> {
  const upgradeFeatures = input.upgradeFeatures ?? [];
  requireUpgrades(upgradeFeatures);
  const license = await licenseToChange(work, input.licenseId);
  const terms = {
    durationMonths: input.durationMonths,
    extendMaintenance: input.extendMaintenance ?? false,
    upgradeFeatures,
  };
  const renewal = renewed(license, terms, work.now);
  const row = await changeLicense(work, license, { ...renewal, ...notSuspended });
  const data = {
    duration_months: input.durationMonths,
    from: license.expiryDate,
    to: row.expiryDate,
    upgraded: upgradeFeatures.map((feature) => feature.featureId),
  };
  await work.emit({ type: 'license.renewed', subjectId: row.id, licenseId: row.id, data });
  return row;
}

function requireUpgrades(features: readonly LicenseFeature[]): void {
  const problems = featureProblems(features, 'input.upgradeFeatures');
  if (problems.length > 0) throw invalidInput(problems);
}
