import { sql } from 'drizzle-orm';
import { permissionsOf } from '../../access/permissions.js';
import { CheckpointFiles } from '../../audit/gateway/checkpointFiles.js';
import {
  dueForCheckpoint,
  erasePersonal,
  forgetEvents,
  outlived,
  signBoundary,
  signDue,
} from '../../audit/jobs/keep.js';
import { checkpointsAfter, newestCheckpoints } from '../../audit/queries/checkpoints.js';
import { committed } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import type { Log } from '../../core/log.js';
import type { Work } from '../../core/work.js';
import { type Opening, openWork } from '../operation/openWork.js';
import type { Machinery } from '../operation/operation.js';

/** Held by whoever signs or deletes at the moment; a killed one leaves nothing behind. */
const KEEPER_LOCK = 7_461_200_523;
const EVERY_MILLIS = 2_000;
/** Events of one transaction: gone in some milliseconds. */
const BATCH = 1000;
const HANDED_OUT_AT_ONCE = 1000;
/** Days are counted less often than events. */
const FORGETS_EVERY = 30;

export interface TrailKeeperOptions {
  /** Of the worker. */
  readonly machinery: Opening & Pick<Machinery, 'signing'>;
  readonly log: Log;
  /** Where checkpoints are handed out to. */
  readonly folder?: string | undefined;
  /** For how many days it is kept what events tell of people, of tenants that say nothing of it. */
  readonly personalDataDays: number;
  readonly everyMillis?: number;
}

/** What was done. */
export interface Kept {
  readonly checkpoints: number;
  readonly handedOut: number;
  readonly forgotten: number;
  /** Events of which nothing is left that was about people. */
  readonly erased: number;
}

export interface TrailKeeper {
  /** Does now what is due. */
  keep(): Promise<Kept>;
  stop(): Promise<void>;
}

function keeperOf(tenantId: TenantId) {
  const permissions = permissionsOf([], []);
  const actor = { kind: 'system', subject: 'audit', tenantId, permissions } as const;
  return { actor, requestId: 'audit', address: undefined };
}

class Keeping {
  readonly #files: CheckpointFiles | undefined;

  constructor(private readonly options: TrailKeeperOptions) {
    this.#files = options.folder === undefined ? undefined : new CheckpointFiles(options.folder);
  }

  /** Acts on one tenant, alone among all servers; undefined while another does. */
  async #alone<Result>(
    tenantId: TenantId,
    run: (work: Work) => Promise<Result>,
  ): Promise<Result | undefined> {
    const { work, session } = await openWork(this.options.machinery, keeperOf(tenantId));
    return committed(session, async () => {
      const [row] = await work.db.execute(sql`select pg_try_advisory_xact_lock(${KEEPER_LOCK}) as taken`);
      return row?.taken === true ? run(work) : undefined;
    });
  }

  async checkpoints(): Promise<number> {
    const { pool, clock, signing } = this.options.machinery;
    let signed = 0;
    for (const tenantId of await dueForCheckpoint(pool.db, clock()))
      if ((await this.#alone(tenantId, (work) => signDue(work, signing.sign))) === true) signed += 1;
    return signed;
  }

  /** Every process that has a folder carries out what its files do not hold yet, whoever has signed it. */
  async handOut(): Promise<number> {
    const files = this.#files;
    if (files === undefined) return 0;
    const { db } = this.options.machinery.pool;
    let handedOut = 0;
    for (const { tenantId, sequence } of await newestCheckpoints(db)) {
      const last = await files.last(tenantId);
      if (sequence <= last) continue;
      const fresh = await checkpointsAfter(db, tenantId, last, HANDED_OUT_AT_ONCE);
      if (fresh.length > 0) await files.append(tenantId, fresh);
      handedOut += fresh.length;
    }
    return handedOut;
  }

  async erase(): Promise<number> {
    const { pool, clock } = this.options.machinery;
    const { personalDataDays } = this.options;
    let erased = 0;
    for (let some = BATCH; some === BATCH; erased += some)
      some = await erasePersonal(pool.db, clock(), personalDataDays, BATCH);
    return erased;
  }

  /** Behind a boundary that is signed before anything is gone. */
  async forget(): Promise<number> {
    const { pool, clock, signing } = this.options.machinery;
    let forgotten = 0;
    for (const boundary of await outlived(pool.db, clock())) {
      await this.#alone(boundary.tenantId, (work) => signBoundary(work.db, boundary, signing.sign, work.now));
      for (let gone = BATCH; gone === BATCH; forgotten += gone)
        gone = (await this.#alone(boundary.tenantId, ({ db }) => forgetEvents(db, boundary, BATCH))) ?? 0;
    }
    return forgotten;
  }
}

/**
 * Has the ends of the chains signed when they are due, hands out what was signed, and deletes what tenants keep no longer.
 * Every server process has one; for a tenant one of them acts at a time.
 */
export function startTrailKeeper(options: TrailKeeperOptions): TrailKeeper {
  const keeping = new Keeping(options);
  let stopping = false;
  let running: Promise<unknown> | undefined;
  let looks = 0;
  const keep = async (forgets = true): Promise<Kept> => {
    const erased = forgets ? await keeping.erase() : 0;
    const checkpoints = await keeping.checkpoints();
    const forgotten = forgets ? await keeping.forget() : 0;
    if (forgotten + erased > 0)
      options.log.info({ forgotten, erased }, 'events that are kept no longer were deleted');
    // The last: a folder that nobody can write into keeps nothing from being erased.
    return { checkpoints, handedOut: await keeping.handOut(), forgotten, erased };
  };
  const look = (): void => {
    looks += 1;
    running ??= keep(looks % FORGETS_EVERY === 0)
      .catch((error: unknown) => {
        if (!stopping)
          options.log.error({ err: error }, 'the keeper of the trail failed and will look again');
      })
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(look, options.everyMillis ?? EVERY_MILLIS).unref();
  return {
    keep: () => keep(),
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await running;
    },
  };
}
