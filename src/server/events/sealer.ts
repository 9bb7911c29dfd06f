import { sql } from 'drizzle-orm';
import { signCheckpoints } from '../../audit/jobs/trail.js';
import { SEAL_BATCH, sealEvents } from '../../audit/jobs.js';
import type { SealedFact } from '../../audit/model.js';
import { Bell } from '../../core/bell.js';
import type { Clock, Instant } from '../../core/clock.js';
import { committed, connect, openPool, type Pool } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { enqueueJobs } from '../../core/job.js';
import type { Log } from '../../core/log.js';
import { prepared } from '../../core/prepared.js';
import { runNow } from '../../jobs/queries.js';
import { enqueueReactions, type Reactions } from '../../jobs/reactions.js';

/** Events were committed; events were numbered. Each says only that there is something to look at. */
export const COMMITTED = 'lg_events_committed';
export const SEALED = 'lg_events_sealed';

/** Held for a batch by the one process that numbers events; a killed one leaves nothing behind. */
export const SEALER_LOCK = 7_461_200_520;
/** Without a word from anybody the sealer looks all the same: nothing depends on a notification having arrived. */
const POLL_MILLIS = 500;
const RETRY_MILLIS = 1000;
/** A batch takes milliseconds. */
const STATEMENT_SECONDS = 60;

export interface Sealer {
  stop(): Promise<void>;
}

export interface SealerOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What follows facts; the product's own, unless a test has others. */
  readonly reactions?: Reactions;
}

/** PostgreSQL takes 8,000 bytes with a notification. */
const WORD_LIMIT = 7_900;

/** Which tenants' events were numbered; too many to be named are everybody's. */
function sealedWord(sealed: readonly SealedFact[]): string {
  const word = [...new Set(sealed.map(({ tenantId }) => tenantId))].join(',');
  return word.length > WORD_LIMIT ? '' : word;
}

const tellSealed = prepared<never, { readonly word: string }>(
  sql`select pg_notify(${SEALED}, ${sql.placeholder('word')})`,
);

/** The tenants that a word names; undefined is all. */
export function tenantsIn(word: string): readonly TenantId[] | undefined {
  return word === '' ? undefined : (word.split(',') as TenantId[]);
}

/**
 * One batch in one transaction, whose lock keeps every other sealer out; undefined while another works. What the facts
 * make necessary is queued with their numbers, or not at all.
 */
export async function sealBatch(
  pool: Pool,
  now: Instant,
  reactions?: Reactions,
): Promise<number | undefined> {
  const session = await pool.begin('write');
  return committed(session, async () => {
    const { db } = session;
    const [row] = await db.execute<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(${SEALER_LOCK}) as taken`,
    );
    if (row?.taken !== true) return undefined;
    const { facts, isCheckpointDue } = await sealEvents(db, now);
    await enqueueReactions(db, facts, reactions);
    if (isCheckpointDue) await enqueueJobs(db, [runNow(signCheckpoints, now)]);
    // A notification is sent with the commit, and only then.
    if (facts.length > 0) session.send(tellSealed(db, { word: sealedWord(facts) }));
    return facts.length;
  });
}

/**
 * Runs the single writer that numbers committed events. Every server process has one; of those that are told of a
 * commit the first takes the batch, and the others find nothing left.
 */
export function startSealer({ url, clock, log, reactions }: SealerOptions): Sealer {
  const bell = new Bell();
  let stopping = false;
  // `begin` of postgres.js is not used: a connection that is lost as its transaction begins leaves it without an end.
  const pool = openPool({ url, role: 'lg_worker', maxConnections: 1, statementSeconds: STATEMENT_SECONDS });
  const ear = connect(url, { max: 1, idle_timeout: 0, connection: { role: 'lg_worker', TimeZone: 'UTC' } });
  const work = async (): Promise<void> => {
    while (!stopping) {
      const sealed = await sealBatch(pool, clock(), reactions);
      if (sealed === undefined || sealed < SEAL_BATCH) await bell.wait(POLL_MILLIS);
    }
  };
  let listening = false;
  const listen = async (): Promise<void> => {
    if (!listening) await ear.listen(COMMITTED, () => bell.ring());
    listening = true;
  };
  const run = async (): Promise<void> => {
    while (!stopping) {
      await listen()
        .then(work)
        .catch(async (error: unknown) => {
          if (stopping) return;
          log.error({ err: error }, 'the sealer failed and begins again');
          await bell.wait(RETRY_MILLIS);
        });
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping = true;
      bell.ring();
      await running;
      await Promise.all([pool.end(), ear.end({ timeout: 2 })]);
    },
  };
}

/** Says once that there are events, however many acts commit while the word is on its way. */
export function announcer(pool: Pool): () => void {
  let sending = false;
  let again = false;
  const send = async (): Promise<void> => {
    sending = true;
    do {
      again = false;
      // If it is lost, the sealer looks by itself.
      await pool.notify(COMMITTED).catch(() => undefined);
    } while (again);
    sending = false;
  };
  return () => {
    if (sending) again = true;
    else void send();
  };
}
