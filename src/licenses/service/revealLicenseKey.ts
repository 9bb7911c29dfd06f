import type { Work } from '../../core/work.js';
import { licenseNotFound } from '../model.js';
import { licensesById } from '../queries.js';
import { type IssuedLicense, revealedKey } from './newLicense.js';

/** Every look at a full key is recorded. */
export async function revealLicenseKey(work: Work, licenseId: string): Promise<IssuedLicense> {
  const license = (await licensesById(work, [licenseId])).get(licenseId);
  if (license === undefined) throw licenseNotFound(licenseId);
  await work.emit({ type: 'license.key_revealed', subjectId: license.id, licenseId: license.id });
  return { license, licenseKey: revealedKey(work.keys, license) };
}
