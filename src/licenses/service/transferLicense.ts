import { changeTold } from '../../core/event.js';
import type { Work } from '../../core/work.js';
import { licenseRevoked } from '../model.js';
import type { TransferLicenseInput } from '../schema/inputs.js';
import type { License } from '../table.js';
import { changeLicense, licenseToChange } from './changeLicense.js';
import { receivingCustomer } from './newLicense.js';

export async function transferLicense(work: Work, input: TransferLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  if (license.status === 'REVOKED') throw licenseRevoked(license.id);
  const customer = input.newCustomerId ? await receivingCustomer(work, input.newCustomerId) : undefined;
  const row = await changeLicense(work, license, {
    issuedTo: input.newIssuedTo,
    ...(customer === undefined || customer.id === license.customerId
      ? {}
      : { customerId: customer.id, heldSince: work.now }),
  });
  const data = {
    from_customer_id: license.customerId,
    to_customer_id: row.customerId,
    reason: input.transferReason,
    deactivate_existing: input.deactivateExisting ?? true,
  };
  const { personal } = changeTold(license, row, ['issuedTo'], ['issuedTo']);
  await work.emit({
    type: 'license.transferred',
    subjectId: row.id,
    licenseId: row.id,
    data,
    ...(personal === undefined ? {} : { personal }),
  });
  return row;
}
