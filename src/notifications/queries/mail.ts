import { and, eq, type SQL, sql } from 'drizzle-orm';
import { tenants } from '../../access/table.js';
import { scopeOf } from '../../core/actor.js';
import { addMillis, type Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { CustomerId, LicenseId, TenantId } from '../../core/id.js';
import { anyOf, byKey, pageOf, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading } from '../../core/work.js';
import { licenses } from '../../licenses/table.js';
import { ATTEMPT_MILLIS, type MailKind, type MailStatus, type Settled } from '../model/mail.js';
import { type Notification, notifications } from '../table/mail.js';

/** A customer sees the mail that went to it; a reseller that about licenses it sold; neither what the vendor's people got. */
function notificationScope(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  const sold = sql`exists (select 1 from ${licenses} as sold where sold.tenant_id = ${reading.tenantId}
    and sold.id = ${notifications.licenseId} and sold.reseller_id = ${resellerId})`;
  return and(
    eq(notifications.tenantId, reading.tenantId),
    customerId === undefined ? undefined : eq(notifications.customerId, customerId),
    resellerId === undefined ? undefined : and(sql`${notifications.customerId} is not null`, sold),
    licenseId === undefined ? undefined : sql`false`,
  );
}

export async function notificationsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Notification>> {
  const rows = await reading.db
    .select()
    .from(notifications)
    .where(and(notificationScope(reading), anyOf(notifications.id, ids)));
  return byKey(rows, (row) => row.id);
}

/** One mail, locked: it is about to change. */
export async function lockNotification(reading: Reading, id: string): Promise<Notification | undefined> {
  const [row] = await reading.db
    .select()
    .from(notifications)
    .where(and(notificationScope(reading), sql`${notifications.id} = ${id}`))
    .for('no key update');
  return row;
}

export interface NotificationFilter {
  readonly kind?: readonly MailKind[] | null;
  readonly status?: readonly MailStatus[] | null;
  readonly customerId?: string | null;
  readonly licenseId?: string | null;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: notifications.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function notificationsPage(
  reading: Reading,
  { kind, status, customerId, licenseId }: NotificationFilter,
  page: PageArguments,
): Promise<Page<Notification>> {
  const where = and(
    notificationScope(reading),
    kind ? anyOf(notifications.kind, kind) : undefined,
    status ? anyOf(notifications.status, status) : undefined,
    customerId ? eq(notifications.customerId, customerId as CustomerId) : undefined,
    licenseId ? eq(notifications.licenseId, licenseId as LicenseId) : undefined,
  );
  return pageOf(reading.db, notifications, { where, sorting: newestFirst, page });
}

/** Tenants of whom a mail waits, stepped to from one to the next in the index: those of whom none does cost nothing. */
function tenantsWaiting(tenantId: TenantId | undefined): SQL {
  if (tenantId !== undefined) return sql`with waiting as (select ${tenantId}::text as tenant_id)`;
  const next = (behind: SQL): SQL => sql`(select min(known.tenant_id) from ${notifications} as known
    where known.status = 'PENDING' and ${behind})`;
  return sql`with recursive step as (
      select ${next(sql`true`)} as tenant_id
      union all select ${next(sql`known.tenant_id > step.tenant_id`)} from step where step.tenant_id is not null
    ), waiting as (select tenant_id from step where tenant_id is not null)`;
}

/**
 * Takes mails whose attempt is due, of one tenant or of all by lot, so that none that has much to say keeps the others from
 * their turn. It locks few more than it takes, and counts an attempt before it is made: whoever dies at it has made it,
 * and the next one comes when the attempt is over. What another worker takes at this moment is left to it.
 */
export async function claimDue(
  db: Db,
  {
    now,
    most,
    tenantId,
  }: { readonly now: Instant; readonly most: number; readonly tenantId?: TenantId | undefined },
): Promise<Notification[]> {
  const due = await db.execute<{ tenant_id: string; id: string }>(sql`${tenantsWaiting(tenantId)}
    select due.tenant_id, due.id from (select tenant_id from waiting order by random()) as turn cross join lateral (
      select known.tenant_id, known.id from ${notifications} as known
      where known.tenant_id = turn.tenant_id and known.status = 'PENDING' and known.next_attempt_at <= ${now}::timestamptz
      order by known.next_attempt_at limit ${most} for no key update skip locked
    ) as due limit ${most}`);
  if (due.length === 0) return [];
  const [owners, ids] = [[...due].map((row) => row.tenant_id), [...due].map((row) => row.id)];
  return db
    .update(notifications)
    .set({
      attempts: sql`${notifications.attempts} + 1`,
      nextAttemptAt: addMillis(now, ATTEMPT_MILLIS),
      updatedAt: now,
    })
    .where(
      sql`(${notifications.tenantId}, ${notifications.id}) in (select * from unnest(${sql.param(owners)}::text[], ${sql.param(ids)}::text[]))`,
    )
    .returning();
}

/** Writes down how an attempt ended, unless another one was begun meanwhile: then that one tells, and there is no row. */
export async function settleAttempt(
  db: Db,
  { tenantId, id, attempts }: Pick<Notification, 'tenantId' | 'id' | 'attempts'>,
  values: Settled & { readonly transport: Notification['transport']; readonly updatedAt: Instant },
): Promise<Notification | undefined> {
  const [row] = await db
    .update(notifications)
    .set(values)
    .where(
      and(
        eq(notifications.tenantId, tenantId),
        eq(notifications.id, id),
        eq(notifications.status, 'PENDING'),
        eq(notifications.attempts, attempts),
      ),
    )
    .returning();
  return row;
}

/** Takes whom a mail went to, and what it said, away from mails that are older than a tenant keeps personal data. */
export function erasingBatch(now: Instant, days: number, most: number): SQL {
  const kept = sql`make_interval(days => coalesce((tenants.settings -> 'retention' ->> 'personal_data_days')::int, ${days}::int))`;
  return sql`update ${notifications} as told set variables = null, recipient = null, subject = null, reason = null
    from (
      select old.* from ${tenants} cross join lateral (
        select known.tenant_id, known.id from ${notifications} as known
        where known.tenant_id = tenants.id and known.created_at < ${now}::timestamptz - ${kept}
          and known.recipient is not null and known.status <> 'PENDING'
        order by known.created_at limit ${most} for no key update skip locked
      ) as old limit ${most}) as old
    where told.tenant_id = old.tenant_id and told.id = old.id returning 1`;
}

export function deletingBatch(before: Instant, most: number): SQL {
  return sql`delete from ${notifications} as told
    using (
      select old.* from ${tenants} cross join lateral (
        select known.tenant_id, known.id from ${notifications} as known
        where known.tenant_id = tenants.id and known.created_at < ${before}::timestamptz
        order by known.created_at limit ${most} for update skip locked
      ) as old limit ${most}) as old
    where told.tenant_id = old.tenant_id and told.id = old.id returning 1`;
}
