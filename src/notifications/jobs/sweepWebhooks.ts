import { type SQL, sql } from 'drizzle-orm';
import { tenants } from '../../access/table.js';
import type { Instant } from '../../core/clock.js';
import { type Job, parseSweep, type SweepPayload } from '../../core/job.js';
import { SWEEP_BATCH, sweep } from '../../core/sweep.js';
import { keptDays } from '../service/webhookDeliveries.js';
import { webhookDeliveries, webhookEndpoints } from '../table/webhooks.js';

/** What is due for endpoints that are told of nothing any more. */
function givenUp(now: Instant): SQL {
  return sql`update ${webhookDeliveries} as over
    set status = 'FAILED', last_error = 'ENDPOINT_DISABLED', next_attempt_at = null, leased_until = null, finished_at = ${now}::timestamptz
    from (
      select due.* from ${webhookEndpoints} as endpoint cross join lateral (
        select waiting.tenant_id, waiting.id from ${webhookDeliveries} as waiting
        where waiting.tenant_id = endpoint.tenant_id and waiting.endpoint_id = endpoint.id and waiting.status = 'PENDING'
          and (waiting.leased_until is null or waiting.leased_until <= ${now}::timestamptz)
        limit ${SWEEP_BATCH} for no key update skip locked
      ) as due
      where not endpoint.enabled limit ${SWEEP_BATCH}
    ) as due
    where over.tenant_id = due.tenant_id and over.id = due.id
    returning 1`;
}

/** Finished deliveries that a tenant keeps no longer. */
function forgotten(now: Instant): SQL {
  return sql`delete from ${webhookDeliveries} as gone using (
      select old.* from ${tenants} cross join lateral (
        select known.tenant_id, known.id from ${webhookDeliveries} as known
        where known.tenant_id = ${tenants.id} and known.created_at < ${now}::timestamptz - ${keptDays} and known.status <> 'PENDING'
        order by known.created_at limit ${SWEEP_BATCH}
      ) as old limit ${SWEEP_BATCH}
    ) as old
    where gone.tenant_id = old.tenant_id and gone.id = old.id
    returning 1`;
}

/** Deleted endpoints of which no delivery is kept any more. */
const endpointsGone = sql`delete from ${webhookEndpoints} as gone using (
    select known.tenant_id, known.id from ${webhookEndpoints} as known
    where known.deleted_at is not null and not exists (select from ${webhookDeliveries} as kept
      where kept.tenant_id = known.tenant_id and kept.endpoint_id = known.id)
    limit ${SWEEP_BATCH}
  ) as old
  where gone.tenant_id = old.tenant_id and gone.id = old.id
  returning 1`;

/** Gives up what is due for endpoints that are disabled, and forgets what is kept no longer. */
export const sweepWebhooks: Job<SweepPayload> = {
  name: 'webhook.forget',
  parse: parseSweep,
  run: async (context) => ({
    givenUp: await sweep(context, 'webhook.give_up', givenUp),
    forgotten: await sweep(context, 'webhook.forget', forgotten),
    endpoints: await sweep(context, 'webhook.forget_endpoints', () => endpointsGone),
  }),
};
