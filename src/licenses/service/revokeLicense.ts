import type { Work } from '../../core/work.js';
import { requireMove, standingAt } from '../model.js';
import type { RevokeLicenseInput } from '../schema/inputs.js';
import type { License } from '../table.js';
import { changeLicense, licenseToChange, notSuspended } from './changeLicense.js';

export async function revokeLicense(work: Work, input: RevokeLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  const { status } = standingAt(license, work.now);
  requireMove('revokeLicense', status, 'REVOKED');
  const row = await changeLicense(work, license, {
    status: 'REVOKED',
    ...notSuspended,
    revocationReason: input.reason,
  });
  const data = { reason: input.reason, from: status };
  await work.emit({ type: 'license.revoked', subjectId: row.id, licenseId: row.id, data });
  return row;
}
