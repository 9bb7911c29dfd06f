import { type SQL, sql } from 'drizzle-orm';
import type { PgTable as AnyPgTable } from 'drizzle-orm/pg-core';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import type { TrailEntry, TrailEvent } from '../model/chain.js';
import { auditSeals, eventPersonalData, licenseEventLogs, unsealedEvents } from '../table.js';

/** An instant in UTC whatever the session's zone is; the letter of the zone is added where it is read. */
const utc = (column: string): SQL => sql.raw(`${column} at time zone 'UTC'`);

/** What the chain has of an event, of a row of the log by the name `fact`: written in one place, for sealer and verifier. */
export const eventText: SQL = sql`json_build_object('tenantId', fact.tenant_id, 'id', fact.id, 'type', fact.event_type,
  'subjectId', fact.subject_id, 'licenseId', fact.license_id, 'activationId', fact.activation_id, 'actor', fact.user_id,
  'data', fact.event_data, 'metadata', fact.metadata, 'personalHash', fact.personal_hash,
  'createdAt', ${utc('fact.created_at')})`;

export function readEvent(event: TrailEvent): TrailEvent {
  return { ...event, createdAt: `${event.createdAt}Z` };
}

/** One list of lists for a whole piece: the driver takes longer for a column than JSON for a member. */
type EntryRow = readonly [
  sequence: number,
  sealedAt: string,
  hash: string,
  id: string | null,
  type: string,
  subjectId: string,
  licenseId: string | null,
  activationId: string | null,
  actor: string | null,
  data: TrailEvent['data'],
  metadata: TrailEvent['metadata'],
  personalHash: string | null,
  createdAt: string,
  salt: string | null,
  told: TrailEvent['data'],
];

const entryList: SQL = sql`json_build_array(seal.sequence, ${utc('seal.sealed_at')}, seal.hash, fact.id, fact.event_type,
  fact.subject_id, fact.license_id, fact.activation_id, fact.user_id, fact.event_data, fact.metadata, fact.personal_hash,
  ${utc('fact.created_at')}, told.salt, told.data)`;

/** By their places, without a copy of the rest: that took as long as hashing what was read. */
function readEntry(tenantId: TenantId, row: EntryRow): TrailEntry {
  const [sequence, sealedAt, hash, id, type, subjectId, licenseId, activationId, actor] = row;
  const salt = row[13];
  const event =
    id === null
      ? null
      : {
          tenantId,
          id,
          type,
          subjectId,
          licenseId,
          activationId,
          actor,
          data: row[9],
          metadata: row[10],
          personalHash: row[11],
          createdAt: `${row[12]}Z`,
        };
  const personal = salt === null ? null : { salt, data: row[14] };
  return { sequence, sealedAt: `${sealedAt}Z`, hash, event, personal };
}

export interface TrailRange {
  /** The entries behind this number, up to that one. */
  readonly after: number;
  readonly to: number;
  readonly limit: number;
}

/**
 * A piece of a tenant's chain, in its order: seals with what they seal, as far as it is there. Each row is looked up by
 * its key: a plan for any limit would read the whole log for every piece.
 */
export async function trailEntries(db: Db, tenantId: TenantId, range: TrailRange): Promise<TrailEntry[]> {
  const [piece] = await db.execute<{ rows: readonly EntryRow[] | null }>(sql`
    select json_agg(${entryList} order by seal.sequence) as rows
    from (
      select * from ${auditSeals}
      where tenant_id = ${tenantId} and sequence > ${range.after}::bigint and sequence <= ${range.to}::bigint
      order by sequence limit ${range.limit}
    ) as seal
    left join lateral (
      select * from ${licenseEventLogs} where tenant_id = ${tenantId} and id = seal.event_id limit 1
    ) as fact on true
    left join lateral (
      select salt, data from ${eventPersonalData} where tenant_id = ${tenantId} and event_id = seal.event_id limit 1
    ) as told on true`);
  return (piece?.rows ?? []).map((row) => readEntry(tenantId, row));
}

/** The highest number that there is. */
export async function lastSeal(db: Db, tenantId: TenantId): Promise<number> {
  const [row] = await db.execute<{ sequence: string }>(
    sql`select sequence from ${auditSeals} where tenant_id = ${tenantId} order by sequence desc limit 1`,
  );
  return Number(row?.sequence ?? 0);
}

/** An event that neither has a number nor waits for one: no act has written it. Counting is cheaper than looking for it. */
export async function unnumberedEvent(db: Db, tenantId: TenantId): Promise<string | undefined> {
  const count = (table: AnyPgTable): SQL =>
    sql`(select count(*) from ${table} where tenant_id = ${tenantId})`;
  const [counted] = await db.execute<{ strange: string }>(
    sql`select ${count(licenseEventLogs)} - ${count(auditSeals)} - ${count(unsealedEvents)} as strange`,
  );
  if (Number(counted?.strange ?? 0) <= 0) return undefined;
  const [row] = await db.execute<{ id: string }>(sql`
    select id from ${licenseEventLogs} as fact where tenant_id = ${tenantId}
      and not exists (select from ${auditSeals} as seal where seal.tenant_id = ${tenantId} and seal.event_id = fact.id)
      and not exists (select from ${unsealedEvents} as fresh where fresh.tenant_id = ${tenantId} and fresh.event_id = fact.id)
    order by id limit 1`);
  return row?.id;
}
