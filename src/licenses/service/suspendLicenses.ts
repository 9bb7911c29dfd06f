import { sql } from 'drizzle-orm';
import type { Work } from '../../core/work.js';
import { resealed } from '../model/seal.js';
import { mayMove, standingAt } from '../model.js';
import { type License, licenses } from '../table.js';

const because = (license: License, reason: string) => ({
  status: 'SUSPENDED' as const,
  suspendedFrom: license.status,
  suspensionCause: 'MANUAL' as const,
  suspensionReason: reason,
});

/**
 * Suspends many licenses, which the caller has locked, in as many statements as one. Those that the status machine does not
 * let be suspended, because they are already or were revoked, stay as they are. Answers how many it suspended.
 */
export async function suspendLicenses(
  work: Work,
  locked: readonly License[],
  reason: string,
  cause: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  const moved = locked
    .map((license) => ({ license, from: standingAt(license, work.now).status }))
    .filter(({ from }) => mayMove('suspendLicense', from, 'SUSPENDED'));
  if (moved.length === 0) return 0;
  const seals = moved.map(({ license }) => {
    const seal = resealed(work.keys, license, because(license, reason));
    return seal === undefined ? null : JSON.stringify(seal);
  });
  await work.db.execute(sql`
    update ${licenses} as license set status = 'SUSPENDED', suspended_from = license.status, suspension_cause = 'MANUAL',
      suspension_reason = ${reason}, seal = coalesce(made.seal::jsonb, license.seal),
      updated_at = greatest(license.updated_at, ${work.now}::timestamptz)
    from unnest(${sql.param(moved.map(({ license }) => license.id))}::text[], ${sql.param(seals)}::text[]) as made (id, seal)
    where license.tenant_id = ${work.tenantId} and license.id = made.id`);
  await work.emitAll(
    moved.map(({ license: { id }, from }) => ({
      type: 'license.suspended' as const,
      subjectId: id,
      licenseId: id,
      data: { reason, from, ...cause },
    })),
  );
  return moved.length;
}
