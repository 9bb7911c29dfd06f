import { StartupError } from '../../core/startupError.js';
import { revealedKey } from '../../licenses/service/newLicense.js';
import { licenses } from '../../licenses/table.js';
import type { Machinery } from '../operation/machinery.js';

/** As many rows as one that somebody has edited cannot speak for. */
const SAMPLE_ROWS = 20;

type Parts = Pick<Machinery, 'pool' | 'keys' | 'signing'>;

/** Whether a license that is stored here is found by its key under our peppers; also where there is none. */
async function arePeppersOurs({ pool, keys }: Parts): Promise<boolean> {
  const stored = await pool.db.select().from(licenses).limit(SAMPLE_ROWS);
  const isFound = (license: (typeof stored)[number]): boolean => {
    try {
      return keys.hashes('LICENSE_KEY', revealedKey(keys, license)).includes(license.licenseKeyHash);
    } catch {
      return false;
    }
  };
  return stored.length === 0 || stored.some(isFound);
}

/**
 * Refuses to start on what other keys have written. A second server with keys of its own would find no license by its
 * key, and issue licenses that the first one cannot find: nothing would say so before a customer does.
 */
export async function requireOwnKeys(parts: Parts): Promise<void> {
  const areOurs = (await parts.signing.areOurs()) && (await arePeppersOurs(parts));
  if (areOurs) return;
  throw new StartupError(
    'The keys of this server are not those that this database was written with. Give each server of a ' +
      'deployment the same ones: by LG_KEYS, or in development by a copy of the keys.json that stands in the data ' +
      'folder of the first one (LG_KEYS=file, LG_KEYS_FILE=…). A key that was replaced has to stay in the list behind the new one.',
  );
}
