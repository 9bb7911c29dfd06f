import { sql } from 'drizzle-orm';
import type { ActivationId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import type { Seen } from '../model/travel.js';
import { licenseActivations as activations } from '../table.js';

/** In one statement, of rows that are locked. What is personal in it is erased by when it was reported. */
export async function writeSightings(
  work: Work,
  rows: readonly (Seen & { readonly id: ActivationId })[],
): Promise<void> {
  const texts = (of: (row: (typeof rows)[number]) => string | null) =>
    sql`${sql.param(rows.map(of))}::text[]`;
  await work.db.execute(sql`
    update ${activations} set seen_country = seen.country, seen_at = seen.at::timestamptz,
      travelled_at = seen.told::timestamptz, reported_at = coalesce(reported_at, ${work.now}::timestamptz)
    from unnest(${texts(({ id }) => id)}, ${texts(({ seenCountry }) => seenCountry)},
      ${texts(({ seenAt }) => seenAt)}, ${texts(({ travelledAt }) => travelledAt)}) as seen (id, country, at, told)
    where ${activations.tenantId} = ${work.tenantId} and ${activations.id} = seen.id`);
}
