import { type SQL, sql } from 'drizzle-orm';
import { arrayOf, prepared } from '../../core/prepared.js';
import type { Work } from '../../core/work.js';
import { byMeter } from '../model/decide.js';
import { type Advance, advance, type LedgerKind, type Line } from '../model/ledger.js';
import type { Meter } from '../model/meter.js';
import { type Counters, meterRows, meterValues } from '../queries/counters.js';
import { featureUsage, usageLedger } from '../table.js';

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

const make = prepared<
  never,
  ReturnType<typeof meterValues> & { readonly tenant: string; readonly now: string }
>(sql`
  insert into ${featureUsage} (tenant_id, license_id, feature_id, window_start, source, updated_at)
  select ${sql.placeholder('tenant')}, license_id, feature_id, start, source, ${sql.placeholder('now')}::timestamptz
  from ${meterRows} order by license_id, feature_id collate "C", start, source collate "C"
  on conflict do nothing`);

/** Makes the counters that are not there yet, so that there is a row to lock; in the order in which they are locked. */
export async function ensureCounters(work: Work, meters: readonly Meter[]): Promise<void> {
  if (meters.length === 0) return;
  await make(work.db, { tenant: work.tenantId, now: work.now, ...meterValues(meters) });
}

const array = (name: string, type: string): SQL => sql`${sql.placeholder(name)}::${sql.raw(type)}[]`;

/**
 * Each line names its meter by the place in the list of them, and every column has its own type: what a line costs
 * PostgreSQL is 4.5 us so, and 7 where each line brings all of its meter as text.
 */
const write = prepared<never, ReturnType<typeof entryValues>>(sql`with meters as (
    select * from unnest(${array('licenses', 'text')}, ${array('features', 'text')}, ${array('starts', 'timestamptz')},
      ${array('sources', 'text')}, ${array('amounts', 'bigint')}, ${array('told', 'int')}, ${array('resets', 'int')}) with ordinality
      as meters (license_id, feature_id, start, source, amount, told, resets, place)),
  counted as (update ${featureUsage} set used = ${featureUsage.used} + meters.amount,
      told_percent = greatest(${featureUsage.toldPercent}, told), updated_at = ${sql.placeholder('now')}::timestamptz
    from meters
    where ${featureUsage.tenantId} = ${sql.placeholder('tenant')} and ${featureUsage.licenseId} = meters.license_id
      and ${featureUsage.featureId} = meters.feature_id and ${featureUsage.windowStart} = start
      and ${featureUsage.source} = meters.source)
  insert into ${usageLedger} (tenant_id, grant_id, line, kind, license_id, feature_id, window_start, source, amount,
    resets, actor, idempotency_key, request_id, created_at)
  select ${sql.placeholder('tenant')}, grant_id, line, kind, license_id, feature_id, start, source, lines.amount,
    meters.resets, actor, key, request_id, ${sql.placeholder('now')}::timestamptz
  from unnest(${array('grants', 'text')}, ${array('lines', 'int')}, ${array('kinds', 'text')}, ${array('places', 'int')},
    ${array('drawn', 'bigint')}, ${array('actors', 'text')}, ${array('keys', 'text')}, ${array('requests', 'text')})
    as lines (grant_id, line, kind, place, amount, actor, key, request_id)
  join meters using (place)`);

function entryValues(
  work: Work,
  entries: readonly Entry[],
  advances: readonly Advance[],
  counters: Counters,
) {
  const meters = advances.map(({ meter }) => meter);
  const places = new Map(meters.map(({ name }, index) => [name, index + 1]));
  const column = (of: (entry: Entry) => string | number | null): string => arrayOf(entries.map(of));
  return {
    ...meterValues(meters),
    amounts: arrayOf(advances.map(({ amount }) => amount)),
    told: arrayOf(advances.map(({ toldPercent }) => toldPercent)),
    resets: arrayOf(meters.map(({ name }) => counters.get(name)?.resets ?? 0)),
    grants: column(({ line }) => line.grantId),
    lines: column(({ line }) => line.line),
    kinds: column(({ kind }) => kind),
    places: column(({ line }) => places.get(line.meter.name) ?? null),
    drawn: column(({ line }) => line.amount),
    actors: column(({ taker }) => taker.actor),
    keys: column(({ taker }) => taker.idempotencyKey ?? null),
    requests: column(({ taker }) => taker.requestId),
    tenant: work.tenantId,
    now: work.now,
  };
}

/** What is written once the transaction is committed, unless it fails. */
export interface Written {
  readonly written: Promise<unknown>;
}

/** Counters that are locked, and the ledger with them, in one statement, which is sent; the thresholds that are reached are told. */
export async function sendEntries(
  work: Work,
  entries: readonly Entry[],
  counters: Counters,
): Promise<Written> {
  if (entries.length === 0) return { written: Promise.resolve() };
  const advances = byMeter(entries.map(({ line }) => line)).map((draw) =>
    advance(draw, counters.get(draw.meter.name) ?? { used: 0, toldPercent: 0, resets: 0 }),
  );
  const written = write(work.db, entryValues(work, entries, advances, counters));
  // Whoever is given it hears of its failure, but not before the events are written.
  written.catch(() => undefined);
  await work.emitAll(advances.flatMap(({ events }) => events));
  return { written };
}

/** The same, for whom something else comes behind it. */
export async function writeEntries(work: Work, entries: readonly Entry[], counters: Counters): Promise<void> {
  const { written } = await sendEntries(work, entries, counters);
  await written;
}
