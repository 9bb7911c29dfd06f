import { type SQL, sql } from 'drizzle-orm';
import type { Work } from '../../core/work.js';
import { byMeter } from '../model/decide.js';
import { advance, type LedgerKind, type Line } from '../model/ledger.js';
import { type Meter, meterName } from '../model/meter.js';
import { meterRows } from '../queries/counters.js';
import { type FeatureUsage, featureUsage, usageLedger } from '../table.js';

/** For whom lines are written. */
export interface Taker {
  readonly actor: string;
  readonly requestId: string;
  readonly idempotencyKey?: string | undefined;
}

export interface Entry {
  readonly kind: LedgerKind;
  readonly taker: Taker;
  readonly line: Line;
}

/** Makes the counters that are not there yet, so that there is a row to lock; in the order in which they are locked. */
export async function ensureCounters(work: Work, meters: readonly Meter[]): Promise<void> {
  if (meters.length === 0) return;
  await work.db.execute(sql`insert into ${featureUsage}
      (tenant_id, license_id, feature_id, window_start, source, updated_at)
    select ${work.tenantId}, license_id, feature_id, start::timestamptz, source, ${work.now}::timestamptz
    from ${meterRows(meters)}
    order by license_id, feature_id collate "C", start, source collate "C"
    on conflict do nothing`);
}

type Counters = ReadonlyMap<string, FeatureUsage>;

/** One array a column: one statement text serves any number of lines. */
function entryRows(entries: readonly Entry[], counters: Counters): SQL {
  const texts = (of: (entry: Entry) => string | null): SQL => sql`${sql.param(entries.map(of))}::text[]`;
  return sql`unnest(${texts(({ line }) => line.grantId)}, ${texts(({ line }) => String(line.line))},
    ${texts(({ kind }) => kind)}, ${texts(({ line }) => line.meter.licenseId)},
    ${texts(({ line }) => line.meter.featureId)}, ${texts(({ line }) => line.meter.windowStart)},
    ${texts(({ line }) => line.meter.source)}, ${texts(({ line }) => String(line.amount))},
    ${texts(({ line }) => String(counters.get(meterName(line.meter))?.resets ?? 0))},
    ${texts(({ taker }) => taker.actor)}, ${texts(({ taker }) => taker.idempotencyKey ?? null)},
    ${texts(({ taker }) => taker.requestId)})
    as entries (grant_id, line, kind, license_id, feature_id, start, source, amount, resets, actor, key, request_id)`;
}

/** Counters that are locked, and the ledger with them, in one statement; the thresholds that are reached are told. */
export async function writeEntries(work: Work, entries: readonly Entry[], counters: Counters): Promise<void> {
  if (entries.length === 0) return;
  const advances = byMeter(entries.map(({ line }) => line)).map((draw) =>
    advance(draw, counters.get(meterName(draw.meter)) ?? { used: 0, toldPercent: 0, resets: 0 }),
  );
  const changed = meterRows(
    advances.map(({ meter }) => meter),
    advances.map(({ amount }) => amount),
    advances.map(({ toldPercent }) => toldPercent),
  );
  const written = work.db.execute(sql`with counted as (
      update ${featureUsage} set used = ${featureUsage.used} + amount::bigint,
        told_percent = greatest(${featureUsage.toldPercent}, told::int), updated_at = ${work.now}::timestamptz
      from ${changed}
      where ${featureUsage.tenantId} = ${work.tenantId} and ${featureUsage.licenseId} = meters.license_id
        and ${featureUsage.featureId} = meters.feature_id and ${featureUsage.windowStart} = start::timestamptz
        and ${featureUsage.source} = meters.source)
    insert into ${usageLedger} (tenant_id, grant_id, line, kind, license_id, feature_id, window_start, source, amount,
      resets, actor, idempotency_key, request_id, created_at)
    select ${work.tenantId}, grant_id, line::int, kind, license_id, feature_id, start::timestamptz, source, amount::bigint,
      resets::int, actor, key, request_id, ${work.now}::timestamptz from ${entryRows(entries, counters)}`);
  await Promise.all([written, work.emitAll(advances.flatMap(({ events }) => events))]);
}
