import { sql } from 'drizzle-orm';
import { arrayOf } from '../../core/prepared.js';
import type { Work } from '../../core/work.js';
import { eventPersonalData, licenseEventLogs } from '../table.js';

/** An activation of a license. */
interface Told {
  readonly id: string;
  readonly licenseId: string;
}

/** Empties what is personal of the events of these activations, salt and all: their hashes are left, and fit nothing. */
export async function eraseTold(work: Work, activations: readonly Told[]): Promise<void> {
  if (activations.length === 0) return;
  const licenses = arrayOf([...new Set(activations.map(({ licenseId }) => licenseId))]);
  const ids = arrayOf(activations.map(({ id }) => id));
  await work.db.execute(sql`update ${eventPersonalData} as told
    set salt = null, data = null, erased_at = ${work.now}::timestamptz
    from ${licenseEventLogs} as fact
    where fact.tenant_id = ${work.tenantId} and fact.license_id = any(${licenses}::text[])
      and fact.activation_id = any(${ids}::text[])
      and told.tenant_id = ${work.tenantId} and told.event_id = fact.id and told.data is not null`);
}
