import type { Reading } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import { releaseOf } from '../../templates/queries.js';
import type { VersionFacts } from '../model/verdict.js';

/** A version with the day of its release, as the vendor has recorded it: an application's own word is not asked for. */
export async function versionFacts(
  reading: Reading,
  license: License,
  version: string | null | undefined,
): Promise<VersionFacts | undefined> {
  if (!version) return undefined;
  return { name: version, releasedAt: await releaseOf(reading, license.productId, version) };
}
