import { type SQL, sql } from 'drizzle-orm';
import { tenants } from '../../access/table.js';
import { auditSeals, licenseEventLogs } from '../../audit/table.js';
import type { Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { DELIVERY_DAYS, type WebhookEndpointId } from '../model/webhooks.js';
import { webhookDeliveries, webhookEndpoints } from '../table/webhooks.js';

const { eventType, subjectId } = licenseEventLogs;

/** A pattern is a type, a noun with `.*`, or `*`. */
const isWanted = sql`exists (
  select from jsonb_array_elements_text(${webhookEndpoints.events}) as wanted (pattern)
  where wanted.pattern in ('*', ${eventType})
    or (right(wanted.pattern, 2) = '.*' and starts_with(${eventType}, left(wanted.pattern, -1))))`;

/**
 * Which endpoint an event goes to. A test goes to the endpoint that is tested, what happens to an endpoint to the others,
 * and a replay to nobody: whatever a receiver does, no message of ours follows from a message to itself.
 */
const isFor = sql`case
  when ${eventType} = 'webhook_endpoint.tested' then ${subjectId} = ${webhookEndpoints.id}
  when starts_with(${eventType}, 'webhook_delivery.') then false
  when starts_with(${eventType}, 'webhook_endpoint.') then ${subjectId} <> ${webhookEndpoints.id} and ${isWanted}
  else ${isWanted} end`;

const columns = sql.raw(
  '(tenant_id, id, endpoint_id, event_id, sequence, event_type, status, next_attempt_at, attempt_count, created_at)',
);

/** Sorts as the event's does: what was made at one instant is listed in the order of what happened. */
const deliveryId = sql`left(${licenseEventLogs.id}, 28) || right(gen_random_uuid()::text, 8)`;

/** The sealed events of a tenant beside each endpoint of it that is enabled and that they are for. */
function deliverable(tenantId: TenantId, now: Instant, where: SQL): SQL {
  return sql`select ${tenantId}::varchar, ${deliveryId}, ${webhookEndpoints.id}, ${licenseEventLogs.id},
      ${auditSeals.sequence}, ${eventType}, 'PENDING', ${now}::timestamptz, 0, ${now}::timestamptz
    from ${webhookEndpoints}
      join ${auditSeals} on ${auditSeals.tenantId} = ${tenantId}
      join ${licenseEventLogs} on ${licenseEventLogs.tenantId} = ${tenantId} and ${licenseEventLogs.id} = ${auditSeals.eventId}
    where ${webhookEndpoints.tenantId} = ${tenantId} and ${webhookEndpoints.enabled} and ${where} and ${isFor}`;
}

/** For how long a tenant keeps deliveries. */
export const keptDays = sql`make_interval(days =>
  coalesce((${tenants.settings} -> 'retention' ->> 'webhook_delivery_days')::int, ${DELIVERY_DAYS}::int))`;

/** Numbers of the trail, the first left out. */
export interface Range {
  readonly after: number;
  readonly upTo: number;
}

/** A delivery for each event of the range and each endpoint that wants it; done twice it is the same as done once. */
export async function makeDeliveries(
  db: Db,
  tenantId: TenantId,
  now: Instant,
  { after, upTo }: Range,
): Promise<number> {
  const where = sql`${auditSeals.sequence} > ${after}::bigint and ${auditSeals.sequence} <= ${upTo}::bigint
    and ${auditSeals.sequence} > ${webhookEndpoints.fromSequence}`;
  const made = await db.execute(sql`insert into ${webhookDeliveries} ${columns}
    ${deliverable(tenantId, now, where)} on conflict do nothing returning 1`);
  return made.length;
}

/**
 * What an endpoint has not taken of the events since an instant: what was given up, and what happened while it was
 * disabled or before it was made. As far back as deliveries are kept: of earlier ones nobody knows which were taken.
 */
export async function redeliverSince(
  db: Db,
  tenantId: TenantId,
  now: Instant,
  request: { readonly endpointId: WebhookEndpointId; readonly since: Instant; readonly most: number },
): Promise<number> {
  const where = sql`${webhookEndpoints.id} = ${request.endpointId}
    and ${licenseEventLogs.createdAt} >= ${request.since}::timestamptz
    and ${licenseEventLogs.createdAt} > ${now}::timestamptz - (select ${keptDays} from ${tenants} where ${tenants.id} = ${tenantId})
    and not exists (select from ${webhookDeliveries} as known
      where known.tenant_id = ${tenantId} and known.endpoint_id = ${request.endpointId}
        and known.event_id = ${licenseEventLogs.id} and known.status <> 'FAILED')`;
  const made = await db.execute(sql`insert into ${webhookDeliveries} ${columns}
    ${deliverable(tenantId, now, where)} order by ${auditSeals.sequence} limit ${request.most}
    on conflict (tenant_id, endpoint_id, event_id) do update
      set status = 'PENDING', next_attempt_at = excluded.next_attempt_at, attempt_count = 0, last_error = null, finished_at = null
      where webhook_deliveries.status = 'FAILED'
    returning 1`);
  return made.length;
}
