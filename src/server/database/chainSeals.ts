import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { genesis, sealHash } from '../../audit/model/chain.js';
import { trailEntries } from '../../audit/queries/trail.js';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';

const BATCH = 1000;

interface LastHashed extends Record<string, unknown> {
  readonly sequence: string;
  readonly hash: string;
}

/** Goes on where a run before this one was ended. */
async function chainTenant(db: Db, tenantId: TenantId): Promise<void> {
  const [last] = await db.execute<LastHashed>(sql`select sequence, hash from audit_seals
    where tenant_id = ${tenantId} and hash is not null order by sequence desc limit 1`);
  let end = last === undefined ? genesis(tenantId) : { sequence: Number(last.sequence), hash: last.hash };
  for (;;) {
    const range = { after: end.sequence, to: Number.MAX_SAFE_INTEGER, limit: BATCH };
    const entries = await trailEntries(db, tenantId, range);
    const rows = entries.map(({ sequence, sealedAt, event }) => {
      // A seal without its event is found by whoever verifies.
      const hash = event === null ? end.hash : sealHash(end.hash, sequence, sealedAt, event);
      end = { sequence, hash };
      return [sequence, hash];
    });
    await db.execute(sql`update audit_seals as seal set hash = row ->> 1
      from json_array_elements(${JSON.stringify(rows)}::text::json) as row
      where seal.tenant_id = ${tenantId} and seal.sequence = (row ->> 0)::bigint`);
    if (entries.length < BATCH) break;
  }
  await db.execute(sql`insert into audit_heads (tenant_id, sequence, hash, pending, pending_since)
    values (${tenantId}, ${end.sequence}, ${end.hash}, ${end.sequence}, now()) on conflict do nothing`);
}

/**
 * Chains what was numbered before there was a chain: behind the migration, as the owner, by the program that knows how.
 * The constraint that the migration left says that it has not been done, and keeps out what seals without a hash.
 */
export async function chainSeals(client: postgres.Sql): Promise<void> {
  const db: Db = drizzle(client);
  const [open] = await db.execute(sql`select 1 from pg_constraint where conname = 'audit_seals_hashed'`);
  if (open === undefined) return;
  const tenants = await db.execute<{ tenant_id: TenantId }>(
    sql`select distinct tenant_id from audit_seals where hash is null`,
  );
  for (const { tenant_id } of tenants) await chainTenant(db, tenant_id);
  await db.execute(
    sql`alter table audit_seals alter column hash set not null, drop constraint audit_seals_hashed`,
  );
}
