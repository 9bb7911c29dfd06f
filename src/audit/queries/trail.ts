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

/** JSON as text is taken apart by this program twice as fast as by the driver, and put together by the database not at all. */
interface EntryRow extends Record<string, unknown> {
  readonly sequence: string;
  readonly sealed_at: string;
  readonly hash: string;
  readonly id: string | null;
  readonly type: string;
  readonly subject_id: string;
  readonly license_id: string | null;
  readonly activation_id: string | null;
  readonly actor: string | null;
  readonly data: string;
  readonly metadata: string;
  readonly personal_hash: string | null;
  readonly created_at: string;
  readonly salt: string | null;
  readonly told: string;
}

/** As JSON has an instant: `2026-03-01 12:00:00.5` of the database's UTC. */
const instantIn = (text: string): string => `${text.slice(0, 10)}T${text.slice(11)}Z`;

function readEntry(tenantId: TenantId, row: EntryRow): TrailEntry {
  const event =
    row.id === null
      ? null
      : {
          tenantId,
          id: row.id,
          type: row.type,
          subjectId: row.subject_id,
          licenseId: row.license_id,
          activationId: row.activation_id,
          actor: row.actor,
          data: JSON.parse(row.data),
          metadata: JSON.parse(row.metadata),
          personalHash: row.personal_hash,
          createdAt: instantIn(row.created_at),
        };
  const personal = row.salt === null ? null : { salt: row.salt, data: JSON.parse(row.told) };
  return {
    sequence: Number(row.sequence),
    sealedAt: instantIn(row.sealed_at),
    hash: row.hash,
    event,
    personal,
  };
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
  const rows = await db.execute<EntryRow>(sql`
    select seal.sequence, (${utc('seal.sealed_at')})::text as sealed_at, seal.hash, fact.id, fact.event_type as type,
      fact.subject_id, fact.license_id, fact.activation_id, fact.user_id as actor, fact.event_data::text as data,
      fact.metadata::text as metadata, fact.personal_hash, (${utc('fact.created_at')})::text as created_at,
      told.salt, told.data::text as told
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
    ) as told on true
    order by seal.sequence`);
  return [...rows].map((row) => readEntry(tenantId, row));
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
