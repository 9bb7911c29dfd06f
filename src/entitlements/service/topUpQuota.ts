import { newId } from '../../core/id.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { licenseRevoked } from '../../licenses/model.js';
import { licenseToChange } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import { extraUnits } from '../queries/topUps.js';
import type { TopUpQuotaInput } from '../schema/inputs.js';
import { featureTopUps } from '../table.js';
import { takerOf } from './chargeNeeds.js';
import { featureOf } from './grantFeature.js';

/** Gives extra units of a feature, which are drawn when the license's own limit is used up, in every window until they end. */
export async function topUpQuota(work: Work, input: TopUpQuotaInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  if (license.status === 'REVOKED') throw licenseRevoked(license.id);
  const feature = featureOf(license, input.featureId);
  const expiresAt = input.expiresAt ?? null;
  if (feature.limitValue === null)
    throw invalidInput([{ field: 'input.featureId', message: 'the feature has no limit to be topped up' }]);
  if (expiresAt !== null && expiresAt <= work.now)
    throw invalidInput([{ field: 'input.expiresAt', message: 'must be in the future' }]);
  const before = await extraUnits(work, license.id, feature.featureId);
  if (before + input.amount > Number.MAX_SAFE_INTEGER)
    throw invalidInput([{ field: 'input.amount', message: 'is more than can be counted with what runs' }]);
  const id = newId<'TopUp'>(work.now);
  await work.db.insert(featureTopUps).values({
    tenantId: work.tenantId,
    id,
    licenseId: license.id,
    featureId: feature.featureId,
    amount: input.amount,
    reason: input.reason,
    createdBy: takerOf(work).actor,
    expiresAt,
    createdAt: work.now,
  });
  const data = {
    featureId: feature.featureId,
    topUpId: id,
    amount: input.amount,
    expiresAt,
    before: { extraUnits: before },
    after: { extraUnits: before + input.amount },
    reason: input.reason,
  };
  await work.emit({ type: 'quota.topped_up', subjectId: license.id, licenseId: license.id, data });
  return license;
}
