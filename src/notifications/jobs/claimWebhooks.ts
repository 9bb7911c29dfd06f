import { sql } from 'drizzle-orm';
import { licenseEventLogs } from '../../audit/table.js';
import { addMillis, type Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import type { KeptSecret } from '../../core/keptSecrets.js';
import type { ToldEvent, WebhookDeliveryId, WebhookEndpointId } from '../model/webhooks.js';
import { webhookDeliveries, webhookEndpoints } from '../table/webhooks.js';

/**
 * For how long a delivery is left to whoever has taken it: an attempt ends long before. Clocks of servers may differ by
 * what is between; a delivery of a process that died is up for others then.
 */
export const LEASE_MILLIS = 120_000;
/** Attempts at one endpoint at a time, of one process: one that fails gets a single line until it takes something. */
const LINES = 5;
/** Attempts for one tenant at a time, of one process: slow receivers of one leave room for those of others. */
const TENANT_LINES = 16;

/** A delivery that is ours to try until the lease ends, with all that it takes. */
export interface Claim {
  readonly tenantId: TenantId;
  readonly id: WebhookDeliveryId;
  readonly endpointId: WebhookEndpointId;
  readonly url: string;
  readonly secrets: readonly KeptSecret[];
  readonly attemptCount: number;
  readonly leasedUntil: Instant;
  readonly eventId: string;
  /** Absent when the trail holds it no longer. */
  readonly event: ToldEvent | undefined;
}

/** How many attempts are under way at an endpoint. */
export interface Busy {
  readonly tenantId: TenantId;
  readonly endpointId: WebhookEndpointId;
  readonly running: number;
}

interface ClaimRow extends Record<string, unknown> {
  readonly tenant_id: TenantId;
  readonly id: WebhookDeliveryId;
  readonly endpoint_id: WebhookEndpointId;
  readonly event_id: string;
  readonly sequence: string;
  readonly url: string;
  readonly secrets: unknown;
  readonly attempt_count: number;
  readonly found_type: string | null;
  readonly subject_id: string;
  readonly license_id: string | null;
  readonly activation_id: string | null;
  readonly event_data: unknown;
  readonly happened_at: string;
}

const parsed = (json: unknown): unknown => (typeof json === 'string' ? JSON.parse(json) : json);

function claimOf(row: ClaimRow, leasedUntil: Instant): Claim {
  const event: ToldEvent | undefined =
    row.found_type === null
      ? undefined
      : {
          id: row.event_id,
          sequence: Number(row.sequence),
          type: row.found_type,
          at: licenseEventLogs.createdAt.mapFromDriverValue(row.happened_at) as Instant,
          subjectId: row.subject_id,
          licenseId: row.license_id,
          activationId: row.activation_id,
          data: parsed(row.event_data),
        };
  return {
    tenantId: row.tenant_id,
    id: row.id,
    endpointId: row.endpoint_id,
    url: row.url,
    secrets: webhookEndpoints.secrets.mapFromDriverValue(JSON.stringify(parsed(row.secrets))) as KeptSecret[],
    attemptCount: row.attempt_count,
    leasedUntil,
    eventId: row.event_id,
    event,
  };
}

/**
 * Takes deliveries that are due, of each endpoint the oldest, of tenants by turns: a tenant's thousandth waits behind
 * everybody's first. What another process takes at this moment is passed over. Endpoints are stepped to in the index of
 * what waits: those for which nothing does cost nothing, however many there are.
 */
export async function claimWebhooks(
  db: Db,
  now: Instant,
  most: number,
  busy: readonly Busy[],
): Promise<Claim[]> {
  const leasedUntil = addMillis(now, LEASE_MILLIS);
  const list = <Value>(values: readonly Value[]) => sql.param(values);
  const rows = await db.execute<ClaimRow>(sql`
    with recursive step as (
      (select tenant_id, endpoint_id from ${webhookDeliveries} where status = 'PENDING' order by tenant_id, endpoint_id limit 1)
      union all
      select next.tenant_id, next.endpoint_id from step cross join lateral (
        select further.tenant_id, further.endpoint_id from ${webhookDeliveries} as further
        where further.status = 'PENDING' and (further.tenant_id, further.endpoint_id) > (step.tenant_id, step.endpoint_id)
        order by further.tenant_id, further.endpoint_id limit 1
      ) as next
    ), busy as (
      select * from unnest(${list(busy.map((each) => each.tenantId))}::text[], ${list(busy.map((each) => each.endpointId))}::text[],
        ${list(busy.map((each) => String(each.running)))}::text[]::int[]) as busy (tenant_id, endpoint_id, running)
    ), due as (
      select next.*, row_number() over (partition by next.tenant_id order by next.next_attempt_at, next.id)
        + coalesce((select sum(running) from busy where busy.tenant_id = next.tenant_id), 0) as turn
      from step join ${webhookEndpoints} as endpoint on endpoint.tenant_id = step.tenant_id and endpoint.id = step.endpoint_id
        cross join lateral (
        select tenant_id, id, endpoint_id, event_id, next_attempt_at from ${webhookDeliveries} as waiting
        where waiting.tenant_id = endpoint.tenant_id and waiting.endpoint_id = endpoint.id and waiting.status = 'PENDING'
          and waiting.next_attempt_at <= ${now}::timestamptz
        order by waiting.next_attempt_at
        limit greatest(0, case when endpoint.failing_since is null then ${LINES}::int else 1 end
          - coalesce((select running from busy where busy.endpoint_id = endpoint.id), 0))
        for no key update skip locked
      ) as next
      where endpoint.enabled
    ), taken as (
      select * from due where turn <= ${TENANT_LINES} order by turn, next_attempt_at limit ${most}
    )
    update ${webhookDeliveries} as delivery
    set leased_until = ${leasedUntil}::timestamptz, next_attempt_at = ${leasedUntil}::timestamptz,
      attempt_count = delivery.attempt_count + 1
    from taken join ${webhookEndpoints} as endpoint
        on endpoint.tenant_id = taken.tenant_id and endpoint.id = taken.endpoint_id
      left join ${licenseEventLogs} as event on event.tenant_id = taken.tenant_id and event.id = taken.event_id
    where delivery.tenant_id = taken.tenant_id and delivery.id = taken.id
    returning delivery.tenant_id, delivery.id, delivery.endpoint_id, delivery.event_id, delivery.sequence, delivery.attempt_count,
      endpoint.url, endpoint.secrets, event.event_type as found_type, event.subject_id, event.license_id,
      event.activation_id, event.event_data, event.created_at as happened_at`);
  return rows.map((row) => claimOf(row, leasedUntil));
}
