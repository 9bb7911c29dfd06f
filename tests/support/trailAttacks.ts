import type postgres from 'postgres';
import { genesis, sealHash, type TrailProblem } from '../../src/audit/model/chain.js';
import { trailEntries } from '../../src/audit/queries/trail.js';
import type { Db } from '../../src/core/db.js';
import type { TenantId } from '../../src/core/id.js';

/** What somebody does who has the whole database, and neither a signing key nor a checkpoint that was handed out. */
export interface Attack {
  readonly sql: postgres.TransactionSql;
  readonly db: Db;
  readonly tenantId: TenantId;
  /** Where it strikes, and another place behind it. */
  readonly at: number;
  readonly other: number;
  /** Of the last event. */
  readonly last: number;
}

interface Found {
  readonly problem: TrailProblem | readonly TrailProblem[];
  readonly sequence: number;
}

type Strike = (attack: Attack) => Promise<Found>;

const eventAt = (column: string, value: string): Strike => {
  return async ({ sql, tenantId, at }) => {
    await sql.unsafe(`update license_event_logs set ${column} = ${value} where tenant_id = '${tenantId}'
      and id = (select event_id from audit_seals where tenant_id = '${tenantId}' and sequence = ${at})`);
    return { problem: 'EDITED', sequence: at };
  };
};

const sealAt = (column: string, value: string): Strike => {
  return async ({ sql, tenantId, at }) => {
    await sql.unsafe(
      `update audit_seals set ${column} = ${value} where tenant_id = '${tenantId}' and sequence = ${at}`,
    );
    return { problem: 'EDITED', sequence: at };
  };
};

/** Numbers are unique: they step aside before they take their new places. */
async function renumber({ sql, tenantId }: Attack, from: number, by: number): Promise<void> {
  await sql`update audit_seals set sequence = -sequence where tenant_id = ${tenantId} and sequence >= ${from}`;
  await sql`update audit_seals set sequence = -sequence + ${by} where tenant_id = ${tenantId} and sequence < 0`;
  await sql`update audit_heads set sequence = sequence + ${by} where tenant_id = ${tenantId}`;
}

const deleted = (what: 'event' | 'seal' | 'both' | 'closed'): Strike => {
  return async (attack) => {
    const { sql, tenantId, at, last } = attack;
    const [seal] =
      await sql`select event_id from audit_seals where tenant_id = ${tenantId} and sequence = ${at}`;
    if (what !== 'seal')
      await sql`delete from license_event_logs where tenant_id = ${tenantId} and id = ${seal?.event_id}`;
    if (what !== 'event')
      await sql`delete from audit_seals where tenant_id = ${tenantId} and sequence = ${at}`;
    if (what === 'closed') await renumber(attack, at + 1, -1);
    const isTail = at === last && what !== 'event';
    if (isTail) return { problem: 'TAIL_CUT', sequence: at };
    // Of the last two the one that is gone and the one that was edited look alike.
    return { problem: what === 'closed' && at >= last - 1 ? ['DELETED', 'EDITED'] : 'DELETED', sequence: at };
  };
};

const exchanged = (column: 'event_id' | 'sequence'): Strike => {
  return async ({ sql, tenantId, at, other }) => {
    const rows = await sql`select sequence, event_id from audit_seals
      where tenant_id = ${tenantId} and sequence in (${at}, ${other}) order by sequence`;
    const [first, second] = rows;
    if (column === 'sequence') {
      await sql`update audit_seals set sequence = -1 where tenant_id = ${tenantId} and sequence = ${at}`;
      await sql`update audit_seals set sequence = ${at} where tenant_id = ${tenantId} and sequence = ${other}`;
      await sql`update audit_seals set sequence = ${other} where tenant_id = ${tenantId} and sequence = -1`;
    } else {
      await sql`update audit_seals set event_id = 'aside' where tenant_id = ${tenantId} and sequence = ${at}`;
      await sql`update audit_seals set event_id = ${first?.event_id} where tenant_id = ${tenantId} and sequence = ${other}`;
      await sql`update audit_seals set event_id = ${second?.event_id} where tenant_id = ${tenantId} and sequence = ${at}`;
    }
    return { problem: 'REORDERED', sequence: at };
  };
};

async function addEvent({ sql, tenantId }: Attack): Promise<string> {
  const id = '019fffff-0000-7000-8000-00000000dead';
  await sql`insert into license_event_logs (tenant_id, id, event_type, subject_id, metadata, created_at)
    values (${tenantId}, ${id}, 'license.issued', 'x', '{}', now())`;
  return id;
}

const inserted: Strike = async (attack) => {
  const { sql, tenantId, at } = attack;
  const id = await addEvent(attack);
  await renumber(attack, at, 1);
  await sql`insert into audit_seals (tenant_id, sequence, event_id, sealed_at, hash)
    values (${tenantId}, ${at}, ${id}, now(), ${'A'.repeat(43)})`;
  return { problem: 'INSERTED', sequence: at };
};

const unnumbered: Strike = async (attack) => {
  await addEvent(attack);
  return { problem: 'INSERTED', sequence: attack.last + 1 };
};

/** Cuts events off with all that speaks of them. */
const cut: Strike = async ({ sql, tenantId, at }) => {
  const kept = at - 1;
  await sql`delete from license_event_logs as event using audit_seals as seal where seal.tenant_id = ${tenantId}
    and seal.sequence > ${kept} and event.tenant_id = ${tenantId} and event.id = seal.event_id`;
  await sql`delete from audit_seals where tenant_id = ${tenantId} and sequence > ${kept}`;
  await sql`delete from audit_checkpoints where tenant_id = ${tenantId} and sequence > ${kept}`;
  const [end] = await sql`select hash from audit_seals where tenant_id = ${tenantId} and sequence = ${kept}`;
  await sql`update audit_heads set sequence = ${kept}, hash = ${end?.hash ?? genesis(tenantId).hash}
    where tenant_id = ${tenantId}`;
  return { problem: 'TAIL_CUT', sequence: at };
};

/** Computes the hashes anew from there on, as the sealer would, and makes the stored checkpoints agree as far as that goes. */
async function recompute({ sql, db, tenantId, at }: Attack): Promise<void> {
  const entries = await trailEntries(db, tenantId, { after: 0, to: 1e9, limit: 1e6 });
  let { hash } = genesis(tenantId);
  for (const { sequence, sealedAt, event } of entries) {
    if (event === null) throw new Error('an event is missing');
    hash = sealHash(hash, sequence, sealedAt, event);
    if (sequence >= at)
      await sql`update audit_seals set hash = ${hash} where tenant_id = ${tenantId} and sequence = ${sequence}`;
  }
  await sql`update audit_heads set hash = ${hash} where tenant_id = ${tenantId}`;
  await sql`delete from audit_checkpoints where tenant_id = ${tenantId} and sequence >= ${at}`;
}

const rewritten: Strike = async (attack) => {
  await eventAt('event_type', "'license.exported'")(attack);
  await recompute(attack);
  // From the last checkpoint on that agrees, and none does here before the one that was handed out.
  return { problem: 'HEAD_REWRITTEN', sequence: 1 };
};

const beheaded: Strike = async ({ sql, tenantId, at }) => {
  const [seal] = await sql`select hash from audit_seals where tenant_id = ${tenantId} and sequence = ${at}`;
  await sql`update audit_heads set kept_after = ${at}, kept_after_hash = ${seal?.hash} where tenant_id = ${tenantId}`;
  await sql`delete from license_event_logs as event using audit_seals as seal where seal.tenant_id = ${tenantId}
    and seal.sequence <= ${at} and event.tenant_id = ${tenantId} and event.id = seal.event_id`;
  await sql`delete from audit_seals where tenant_id = ${tenantId} and sequence <= ${at}`;
  return { problem: 'DELETED', sequence: 1 };
};

export const attacks: Readonly<Record<string, Strike>> = {
  'an edited type': eventAt('event_type', "'license.forged'"),
  'an edited subject': eventAt('subject_id', "subject_id || 'x'"),
  'another actor': eventAt('user_id', "'somebody else'"),
  'no actor': eventAt('user_id', 'null'),
  'another license': eventAt('license_id', "'x'"),
  'a member more': eventAt('event_data', `event_data || '{"forged": null}'`),
  'a member less': eventAt('metadata', "metadata - 'request_id'"),
  'a microsecond': eventAt('created_at', "created_at + interval '1 microsecond'"),
  'no hash of what is personal': eventAt('personal_hash', "coalesce(reverse(personal_hash), 'x')"),
  'another hash': sealAt('hash', "reverse(hash) || ''"),
  'another instant of a seal': sealAt('sealed_at', "sealed_at + interval '1 microsecond'"),
  'an event that is gone': deleted('event'),
  'a seal that is gone': deleted('seal'),
  'both gone': deleted('both'),
  'both gone, and the gap closed': deleted('closed'),
  'events exchanged': exchanged('event_id'),
  'seals exchanged': exchanged('sequence'),
  'an event put in between': inserted,
  'an event without a number': unnumbered,
  'a tail that is cut': cut,
  'a head that is made anew': rewritten,
  'a beginning that is cut': beheaded,
};
