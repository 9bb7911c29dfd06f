import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import { SWEEP_BATCH } from '../../core/sweep.js';
import { licenses } from '../../licenses/table.js';
import { seated, seatsByModel } from '../queries/seats.js';
import { licenseActivations as activations } from '../table.js';

/**
 * Writes down which seats time has freed, and counts what is left, for licenses that nobody has asked since. Nobody's seat
 * waits for it: whoever asks counts for himself. It judges by an instant that has passed for every server's clock, so that
 * no heartbeat under way still renews what it counts out.
 */
export function cullBatch(then: Instant): SQL {
  const at = sql`greatest(due.updated_at, ${then}::timestamptz)`;
  const isOver = sql`(${activations.expiresAt} <= ${at} or ${activations.leaseExpiresAt} <= ${at})`;
  const ofDue = sql`${activations.tenantId} = due.tenant_id and ${activations.licenseId} = due.id and ${seated}`;
  return sql`with due as materialized (
      select tenant_id, id, updated_at from ${licenses} where seats_until <= ${then}::timestamptz
      order by seats_until limit ${SWEEP_BATCH} for no key update skip locked
    ), freed as (
      update ${activations} set seat_freed_at = ${at} from due where ${ofDue} and ${isOver}
    )
    update ${licenses} set (current_activations, seats_until) = (
      select (${seatsByModel})::int, least(min(${activations.expiresAt}), min(${activations.leaseExpiresAt}))
      from ${activations} where ${ofDue} and ${isOver} is not true)
    from due where ${licenses.tenantId} = due.tenant_id and ${licenses.id} = due.id
    returning 1`;
}
