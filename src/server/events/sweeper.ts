import { type SQL, sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { addDays, addMillis, type Clock, type Instant } from '../../core/clock.js';
import { connect, type Db, drizzleOn } from '../../core/db.js';
import { isLockTimeout } from '../../core/lockTimeout.js';
import type { Log } from '../../core/log.js';
import { RATE_WINDOW_MILLIS } from '../limits/rateLimits.js';
import { KEPT_DAYS } from '../operation/storedAnswers.js';
import { idempotencyKeys, rateLimits } from '../table.js';
import { ledgerBatch } from './sweepLedger.js';
import { personalDataBatch } from './sweepPersonalData.js';
import { tokenBatch } from './sweepTokens.js';

/** Held for a batch by the one process that sweeps; a killed one leaves nothing behind. */
const SWEEPER_LOCK = 7_461_200_521;
const EVERY_MILLIS = 60_000;
/** Rows of one transaction: deleted in a few milliseconds, so that nobody waits for them. */
const BATCH = 1000;
/** Servers do not agree on the time to the second: to one whose clock is behind, what is over goes on for a while. */
const SPARE_MILLIS = 600_000;

export interface SweeperOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long lines of the usage ledger are kept. */
  readonly ledgerDays: number;
  /** How long addresses and places are kept of tenants that say nothing of it. */
  readonly personalDataDays: number;
  readonly everyMillis?: number;
}

/** How many rows were deleted. */
export interface Swept {
  readonly idempotencyKeys: number;
  readonly rateLimits: number;
  readonly usageLedger: number;
  readonly earlierTokens: number;
  /** Activations whose address and place were erased. */
  readonly personalData: number;
}

export interface Sweeper {
  /** Sweeps now; undefined while another process does. */
  sweep(): Promise<Swept | undefined>;
  stop(): Promise<void>;
}

type Batch = (now: Instant) => SQL;

/** Answers that are replayed no more. The index begins with the tenant, so that each tenant is asked for its oldest. */
const idempotencyBatch: Batch = (now) => {
  const end = addMillis(addDays(now, -KEPT_DAYS), -SPARE_MILLIS);
  return sql`delete from ${idempotencyKeys} as gone using (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.actor, known.key, known.response_name from ${idempotencyKeys} as known
        where known.tenant_id = tenants.id and known.created_at < ${end}::timestamptz
        order by known.created_at limit ${BATCH}
      ) as old limit ${BATCH}
    ) as old
    where gone.tenant_id = old.tenant_id and gone.actor = old.actor and gone.key = old.key
      and gone.response_name = old.response_name
    returning 1`;
};

/** Windows that weigh on none that is open. */
const rateBatch: Batch = (now) => {
  const end = addMillis(now, -2 * RATE_WINDOW_MILLIS - SPARE_MILLIS);
  return sql`delete from ${rateLimits} as gone using (
      select bucket, window_start from ${rateLimits} where window_start < ${end}::timestamptz
      order by window_start limit ${BATCH}
    ) as old
    where gone.bucket = old.bucket and gone.window_start = old.window_start
    returning 1`;
};

/** As long as anybody who serves may have to wait for rows that a batch has locked, and a batch for others'. */
const LOCK_MILLIS = 50;

/** A counter is held by whoever draws from it; what is left for later is found again by the next look. */
function laterIfLocked(error: unknown): number {
  if (isLockTimeout(error)) return 0;
  throw error;
}

/** One batch in one transaction, whose lock keeps every other sweeper out; undefined while another works. */
async function sweepBatch(client: postgres.Sql, batch: SQL): Promise<number | undefined> {
  return client.begin(async (transaction) => {
    const [row] = await transaction`select pg_try_advisory_xact_lock(${SWEEPER_LOCK}) as taken`;
    if (row?.taken !== true) return undefined;
    const db: Db = drizzleOn(transaction, client.options);
    await db.execute(sql.raw(`set local lock_timeout = ${LOCK_MILLIS}`));
    return (await db.execute(batch)).length;
  });
}

/**
 * Deletes what is over: answers to idempotency keys, windows of the rate limits, old lines of the usage ledger, tokens that
 * were replaced, addresses and places. Every server process has one and looks once a minute; whoever comes first takes a
 * batch, and the others leave it alone.
 */
export function startSweeper({
  url,
  clock,
  log,
  ledgerDays,
  personalDataDays,
  everyMillis = EVERY_MILLIS,
}: SweeperOptions): Sweeper {
  const client = connect(url, { max: 1, connection: { role: 'lg_worker', TimeZone: 'UTC' } });
  let stopping = false;
  let running: Promise<void> | undefined;
  const all = async (batch: Batch): Promise<number | undefined> => {
    let sum = 0;
    for (;;) {
      const swept = await sweepBatch(client, batch(clock()));
      if (swept === undefined) return undefined;
      sum += swept;
      if (swept < BATCH || stopping) return sum;
    }
  };
  const sweep = async (): Promise<Swept | undefined> => {
    const keys = await all(idempotencyBatch);
    const rates = await all(rateBatch);
    const lines = await all((now) => ledgerBatch(now, ledgerDays, BATCH)).catch(laterIfLocked);
    const tokens = await all((now) => tokenBatch(addMillis(now, -SPARE_MILLIS), BATCH));
    const told = await all((now) => personalDataBatch(now, personalDataDays, BATCH));
    if (keys === undefined || rates === undefined || lines === undefined) return undefined;
    if (tokens === undefined || told === undefined) return undefined;
    const swept = {
      idempotencyKeys: keys,
      rateLimits: rates,
      usageLedger: lines,
      earlierTokens: tokens,
      personalData: told,
    };
    if (keys + rates + lines + tokens + told > 0) log.info(swept, 'what is over was deleted');
    return swept;
  };
  const look = (): void => {
    running ??= sweep()
      .then(
        () => undefined,
        (error: unknown) => {
          if (!stopping) log.error({ err: error }, 'the sweeper failed and will look again');
        },
      )
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(look, everyMillis).unref();
  return {
    sweep,
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await running;
      await client.end({ timeout: 2 });
    },
  };
}
