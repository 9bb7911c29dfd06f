import { and, eq, gt, sql } from 'drizzle-orm';
import type { LicenseId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { alteredFields, type LicenseSeal, sealOf } from '../model/seal.js';
import { type License, licenses } from '../table.js';

/** Licenses that one transaction looks at: others wait for their locks no longer than that takes. */
const BATCH = 500;

export interface Sealing {
  /** Behind which license to go on; undefined when there are no more. */
  readonly next: LicenseId | undefined;
  readonly sealed: number;
  readonly renewed: number;
  /** Licenses that are not as they were sealed; they stay as they are. */
  readonly altered: readonly LicenseId[];
}

async function writeSeals(work: Work, rows: readonly License[]): Promise<void> {
  if (rows.length === 0) return;
  const seals: LicenseSeal[] = rows.map((row) => sealOf(work.keys, row));
  await work.db.execute(sql`
    update ${licenses} set seal = made.seal::jsonb
    from unnest(${sql.param(rows.map(({ id }) => id))}::text[],
      ${sql.param(seals.map((seal) => JSON.stringify(seal)))}::text[]) as made (id, seal)
    where ${licenses.tenantId} = ${work.tenantId} and ${licenses.id} = made.id`);
}

/**
 * Seals the licenses of a tenant that were never sealed, and renews seals that were made under an earlier pepper. It runs by
 * a command and never by itself: whoever can take a seal away would only have to wait for a new one.
 */
export async function sealLicenses(work: Work, behind: LicenseId | undefined): Promise<Sealing> {
  const rows = await work.db
    .select()
    .from(licenses)
    .where(
      and(eq(licenses.tenantId, work.tenantId), behind === undefined ? undefined : gt(licenses.id, behind)),
    )
    .orderBy(licenses.id)
    .limit(BATCH)
    .for('no key update');
  const unsealed = rows.filter(({ seal }) => seal === null);
  const altered = rows.filter((row) => row.seal !== null && alteredFields(work.keys, row).length > 0);
  const old = rows.filter(
    (row) => row.seal !== null && !altered.includes(row) && row.seal.whole !== sealOf(work.keys, row).whole,
  );
  await writeSeals(work, [...unsealed, ...old]);
  await work.emitAll(
    unsealed.map(({ id }) => ({ type: 'license.sealed', subjectId: id, licenseId: id }) as const),
  );
  return {
    next: rows.length < BATCH ? undefined : rows.at(-1)?.id,
    sealed: unsealed.length,
    renewed: old.length,
    altered: altered.map(({ id }) => id),
  };
}
