import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { licenseRevoked, upgradedFeatures } from '../../licenses/model.js';
import { changeLicense, licenseToChange } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import { featureProblems, type LicenseFeature } from '../../templates/model.js';
import type { GrantFeatureInput, RevokeFeatureInput } from '../schema/inputs.js';

async function licenseWithFeatures(work: Work, id: string): Promise<License> {
  const license = await licenseToChange(work, id);
  if (license.status === 'REVOKED') throw licenseRevoked(license.id);
  return license;
}

export function featureOf(license: License, featureId: string): LicenseFeature {
  const feature = license.features.find((each) => each.featureId === featureId);
  if (feature !== undefined) return feature;
  throw invalidInput([{ field: 'input.featureId', message: 'the license has no such feature' }]);
}

const sameFeature = (left: LicenseFeature, right: LicenseFeature): boolean =>
  (Object.keys(right) as (keyof LicenseFeature)[]).every((name) => left[name] === right[name]);

/**
 * Adds a feature to a license, or gives the one that it has another limit, period or end. What was used stays counted, also
 * past a limit that is lower now; another period has windows, and so counters, of its own. The same once more is no event.
 */
export async function grantFeature(work: Work, input: GrantFeatureInput): Promise<License> {
  const problems = featureProblems([input.feature], 'input.feature');
  if (problems.length > 0) throw invalidInput(problems);
  const license = await licenseWithFeatures(work, input.licenseId);
  const { featureId } = input.feature;
  const before = license.features.find((each) => each.featureId === featureId) ?? null;
  if (before !== null && sameFeature(before, input.feature)) return license;
  const row = await changeLicense(work, license, {
    features: [...upgradedFeatures(license.features, [{ ...input.feature }])],
  });
  const data = { featureId, before, after: input.feature };
  await work.emit({ type: 'feature.granted', subjectId: row.id, licenseId: row.id, data });
  return row;
}

/** Switches a feature of a license off; its limit, its extra units and what was used of them stay known for another grant. */
export async function revokeFeature(work: Work, input: RevokeFeatureInput): Promise<License> {
  const license = await licenseWithFeatures(work, input.licenseId);
  const feature = featureOf(license, input.featureId);
  if (!feature.enabled) return license;
  const after = { ...feature, enabled: false };
  const row = await changeLicense(work, license, {
    features: [...upgradedFeatures(license.features, [after])],
  });
  const data = { featureId: feature.featureId, before: feature, after, reason: input.reason };
  await work.emit({ type: 'feature.revoked', subjectId: row.id, licenseId: row.id, data });
  return row;
}
