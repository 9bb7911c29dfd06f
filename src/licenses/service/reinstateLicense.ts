import type { Work } from '../../core/work.js';
import { reinstatedStatus, standingAt } from '../model.js';
import type { ReinstateLicenseInput } from '../schema/inputs.js';
import type { License } from '../table.js';
import { changeLicense, licenseToChange, notSuspended } from './changeLicense.js';

export async function reinstateLicense(work: Work, input: ReinstateLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  const status = reinstatedStatus(license, work.now);
  const row = await changeLicense(work, license, { status, ...notSuspended });
  const data = { to: standingAt(row, work.now).status };
  await work.emit({ type: 'license.reinstated', subjectId: row.id, licenseId: row.id, data });
  return row;
}
