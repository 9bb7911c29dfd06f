import type { Work } from '../../core/work.js';
import { requireMove, standingAt } from '../model.js';
import type { SuspendLicenseInput } from '../schema/inputs.js';
import type { License } from '../table.js';
import { changeLicense, licenseToChange } from './changeLicense.js';

export async function suspendLicense(work: Work, input: SuspendLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  const from = standingAt(license, work.now).status;
  requireMove('suspendLicense', from, 'SUSPENDED');
  const row = await changeLicense(work, license, {
    status: 'SUSPENDED',
    suspendedFrom: license.status,
    suspensionCause: 'MANUAL',
    suspensionReason: input.reason,
  });
  const data = { reason: input.reason, from };
  await work.emit({ type: 'license.suspended', subjectId: row.id, licenseId: row.id, data });
  return row;
}
