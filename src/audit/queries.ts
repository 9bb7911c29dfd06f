import { and, desc, eq, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { LicenseId } from '../core/id.js';
import { anyOf, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
import { auditSeals, type EventRow, licenseEventLogs } from './table.js';

/**
 * Who is bound to a part of the tenant sees the events of that part's licenses only, and a customer or an application
 * those since the customer holds the license. The licenses' table belongs to a later domain, so that it is named here
 * by its SQL alone.
 */
export function eventScope(reading: Reading): SQL {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  const own = eq(licenseEventLogs.tenantId, reading.tenantId);
  if (customerId === undefined && resellerId === undefined && licenseId === undefined) return own;
  const holds = customerId !== undefined || licenseId !== undefined;
  const visible = and(
    sql`visible.tenant_id = ${reading.tenantId}`,
    sql`visible.id = ${licenseEventLogs.licenseId}`,
    licenseId === undefined ? undefined : sql`visible.id = ${licenseId}`,
    customerId === undefined ? undefined : sql`visible.customer_id = ${customerId}`,
    resellerId === undefined ? undefined : sql`visible.reseller_id = ${resellerId}`,
    holds ? sql`visible.held_since <= ${licenseEventLogs.createdAt}` : undefined,
  );
  return sql`${own} and exists (select 1 from licenses visible where ${visible})`;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: licenseEventLogs.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

function eventsBy(
  column: typeof licenseEventLogs.licenseId | typeof licenseEventLogs.subjectId,
  ownerOf: (row: EventRow) => string | null,
) {
  return (reading: Reading, owners: readonly string[], page: PageArguments) => {
    const request = { where: eventScope(reading), sorting: newestFirst, page, owner: column, owners };
    return pagesByOwner(reading.db, licenseEventLogs, request, ownerOf);
  };
}

export const eventsByLicense = eventsBy(licenseEventLogs.licenseId, (row) => row.licenseId);
export const eventsBySubject = eventsBy(licenseEventLogs.subjectId, (row) => row.subjectId);

export interface EventFilter {
  readonly types?: readonly string[] | null;
  readonly licenseId?: string | null;
  readonly subjectId?: string | null;
  readonly actor?: string | null;
  readonly from?: Instant | null;
  readonly to?: Instant | null;
}

export function eventsPage(
  reading: Reading,
  filter: EventFilter,
  page: PageArguments,
): Promise<Page<EventRow>> {
  const { types, licenseId, subjectId, actor, from, to } = filter;
  const { createdAt, eventType, userId } = licenseEventLogs;
  const where = and(
    eventScope(reading),
    types ? anyOf(eventType, types) : undefined,
    licenseId ? eq(licenseEventLogs.licenseId, licenseId as LicenseId) : undefined,
    subjectId ? eq(licenseEventLogs.subjectId, subjectId) : undefined,
    actor ? eq(userId, actor) : undefined,
    from ? sql`${createdAt} >= ${from}::timestamptz` : undefined,
    to ? sql`${createdAt} <= ${to}::timestamptz` : undefined,
  );
  return pageOf(reading.db, licenseEventLogs, { where, sorting: newestFirst, page });
}

/** The number of the newest sealed event; 0 before the first. */
export async function sealedHead(reading: Reading): Promise<number> {
  const [row] = await reading.db
    .select({ sequence: auditSeals.sequence })
    .from(auditSeals)
    .where(eq(auditSeals.tenantId, reading.tenantId))
    .orderBy(desc(auditSeals.sequence))
    .limit(1);
  return row?.sequence ?? 0;
}
