import { and, eq } from 'drizzle-orm';
import { latest } from '../../core/clock.js';
import type { Work } from '../../core/work.js';
import { resealed } from '../model/seal.js';
import { licenseNotFound } from '../model.js';
import { lockLicense } from '../queries.js';
import { type License, licenses } from '../table.js';

/** The license that an act is about to change, locked. */
export async function licenseToChange(work: Work, id: string): Promise<License> {
  const license = await lockLicense(work, id);
  if (license === undefined) throw licenseNotFound(id);
  return license;
}

type LicenseChanges = Omit<Partial<typeof licenses.$inferInsert>, 'seal' | 'expirySetAt'>;

/** Whether the license ends later than it did. One that is brought nearer keeps the mornings of its reminders. */
function putsOff({ expiryDate }: License, changes: LicenseChanges): boolean {
  return Boolean(changes.expiryDate) && (expiryDate === null || (changes.expiryDate ?? '') > expiryDate);
}

/**
 * The one place where acts change the rows of licenses: their seal is renewed in the same statement, and whichever act puts
 * an expiry off, the row says when that was.
 */
export async function changeLicense(work: Work, license: License, changes: LicenseChanges): Promise<License> {
  const seal = resealed(work.keys, license, changes);
  const [row] = await work.db
    .update(licenses)
    .set({
      ...changes,
      ...(seal === undefined ? {} : { seal }),
      ...(putsOff(license, changes) ? { expirySetAt: work.now } : {}),
      updatedAt: latest(license.updatedAt, work.now),
    })
    .where(and(eq(licenses.tenantId, work.tenantId), eq(licenses.id, license.id)))
    .returning();
  if (row === undefined) throw licenseNotFound(license.id);
  return row;
}

export const notSuspended = { suspendedFrom: null, suspensionCause: null, suspensionReason: null } as const;
