import { and, count, eq, gt, ilike, isNotNull, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { ApiKeyId, TenantId } from '../../core/id.js';
import { anyOf, pageOf, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading, Work } from '../../core/work.js';
import type { ApiKeyStatus } from '../model/apiKeys.js';
import { containing } from '../queries.js';
import { type ApiKey, apiKeys } from '../table.js';

/** Who is bound to a party sees the keys of that party alone; an application sees none. */
function apiKeyScope(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  return and(
    eq(apiKeys.tenantId, reading.tenantId),
    customerId === undefined ? undefined : eq(apiKeys.customerId, customerId),
    resellerId === undefined ? undefined : eq(apiKeys.resellerId, resellerId),
    licenseId === undefined ? undefined : sql`false`,
  );
}

export interface ApiKeyFilter {
  readonly status?: ApiKeyStatus | null;
  readonly customerId?: string | null;
  readonly resellerId?: string | null;
  readonly createdBy?: string | null;
  readonly search?: string | null;
}

const unrevoked = isNull(apiKeys.revokedAt);
const running = (now: Instant) => or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now));

/** The rule of `apiKeyStatus`, in SQL. */
function hasStatus(status: ApiKeyStatus, now: Instant): SQL | undefined {
  if (status === 'REVOKED') return isNotNull(apiKeys.revokedAt);
  return and(unrevoked, status === 'ACTIVE' ? running(now) : lte(apiKeys.expiresAt, now));
}

export const apiKeySortFields = {
  CREATED_AT: { by: apiKeys.createdAt, type: 'timestamptz' },
  LAST_USED_AT: { by: sql`coalesce(${apiKeys.lastUsedAt}, '-infinity'::timestamptz)`, type: 'timestamptz' },
  NAME: { by: apiKeys.name, type: 'text' },
} as const satisfies Record<string, Pick<Sorting, 'by' | 'type'>>;
export type ApiKeySortField = keyof typeof apiKeySortFields;

export interface ApiKeySort {
  readonly field: ApiKeySortField;
  readonly direction: 'ASC' | 'DESC';
}

const newestFirst: ApiKeySort = { field: 'CREATED_AT', direction: 'DESC' };

export function apiKeysPage(
  reading: Reading,
  filter: ApiKeyFilter,
  sort: ApiKeySort | null,
  page: PageArguments,
): Promise<Page<ApiKey>> {
  const { status, customerId, resellerId, createdBy, search } = filter;
  const { field, direction } = sort ?? newestFirst;
  const where = and(
    apiKeyScope(reading),
    status ? hasStatus(status, reading.now) : undefined,
    customerId ? eq(apiKeys.customerId, customerId as NonNullable<ApiKey['customerId']>) : undefined,
    resellerId ? eq(apiKeys.resellerId, resellerId as NonNullable<ApiKey['resellerId']>) : undefined,
    createdBy ? eq(apiKeys.createdBy, createdBy) : undefined,
    search ? ilike(apiKeys.name, containing(search)) : undefined,
  );
  const sorting: Sorting = { name: field, direction, ...apiKeySortFields[field] };
  return pageOf(reading.db, apiKeys, { where, sorting, page });
}

/** The key that one of these hashes is of, in the tenant that the directory named. */
export async function findApiKey(
  db: Db,
  tenantId: TenantId,
  id: string,
  hashes: readonly string[],
): Promise<ApiKey | undefined> {
  const [row] = await db
    .select()
    .from(apiKeys)
    .where(
      and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.id, id as ApiKeyId), anyOf(apiKeys.keyHash, hashes)),
    );
  return row;
}

/** Of these keys those that were revoked, for whoever holds something open for them. */
export async function revokedAmong(
  db: Db,
  tenantId: TenantId,
  ids: readonly ApiKeyId[],
): Promise<ApiKeyId[]> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, tenantId), anyOf(apiKeys.id, ids), isNotNull(apiKeys.revokedAt)));
  return rows.map(({ id }) => id);
}

/** Locks a key that is about to be revoked. */
export async function lockApiKey(reading: Reading, id: string): Promise<ApiKey | undefined> {
  const [row] = await reading.db
    .select()
    .from(apiKeys)
    .where(and(apiKeyScope(reading), eq(apiKeys.id, id as ApiKeyId)))
    .for('no key update');
  return row;
}

/** The key by which the caller acts, held so that nobody revokes it before the act is done. */
export async function shareOwnKey(work: Work, id: ApiKeyId): Promise<ApiKey | undefined> {
  const [row] = await work.db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, work.tenantId), eq(apiKeys.id, id)))
    .for('share');
  return row;
}

export async function countOpenKeys(work: Work): Promise<number> {
  const [row] = await work.db
    .select({ count: count() })
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, work.tenantId), unrevoked, running(work.now)));
  return Number(row?.count ?? 0);
}

/**
 * Who stands behind an API key: whoever made it, and where that was a key too, whoever made that one, up to a person. It
 * names the caller's own key, so that it needs no scope.
 */
export async function makersOf(reading: Reading, id: ApiKeyId): Promise<readonly string[]> {
  const { tenantId } = reading;
  const rows = await reading.db.execute<{ subject: string }>(sql`
    with recursive makers (subject) as (
      select created_by from ${apiKeys} where tenant_id = ${tenantId} and id = ${id}
      union
      select made.created_by from ${apiKeys} made
        join makers on makers.subject = 'api_key:' || made.id
      where made.tenant_id = ${tenantId})
    select subject from makers`);
  return rows.map(({ subject }) => subject);
}
