import { and, eq, sql } from 'drizzle-orm';
import type { Work } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import { isFloating, leaseEndAt } from '../model/seats.js';
import { seated } from '../queries/seats.js';
import { licenseActivations as activations } from '../table.js';
import { recountSeats } from './seats.js';

/**
 * Counts the seats of a license anew that has become one of another type or model. Devices that hold a seat keep it: one that
 * floats from now on has it for as long as if it had just been heard of, and one that floats no more has it for good.
 */
export async function reseat(work: Work, before: License, after: License): Promise<License> {
  if (isFloating(before) !== isFloating(after)) {
    await work.db
      .update(activations)
      .set({ leaseExpiresAt: leaseEndAt(after, work.settings.leaseSeconds, work.now) })
      .where(
        and(
          eq(activations.tenantId, work.tenantId),
          eq(activations.licenseId, after.id),
          sql`${seated} and (${activations.leaseExpiresAt} is null or ${activations.leaseExpiresAt} > ${work.now}::timestamptz)`,
        ),
      );
  }
  return recountSeats(work, after);
}
