import { sql } from 'drizzle-orm';
import type { TenantId } from '../../core/id.js';
import { eachTenant, type Job, type JobContext, parseSweep, type SweepPayload } from '../../core/job.js';
import { SWEEP_BATCH, sweep } from '../../core/sweep.js';
import type { Work } from '../../core/work.js';
import { trailHead } from '../queries/checkpoints.js';
import {
  type Boundary,
  boundarySignature,
  dueForCheckpoint,
  forgetEvents,
  outlived,
  personalBatch,
  signatureOf,
  TENANTS_A_LOOK,
  writeBoundary,
  writeDue,
} from './keep.js';

/** The first half of the lock that whoever signs or deletes of a tenant's trail holds; a killed one leaves nothing behind. */
const KEEPER_LOCK = 746_120_055;

/** Acts on one tenant's trail, alone among all servers. */
function alone<Result>(
  { act }: JobContext,
  tenantId: TenantId,
  run: (work: Work) => Promise<Result>,
): Promise<Result> {
  return act(tenantId, async (work) => {
    await work.db.execute(sql`select pg_advisory_xact_lock(${KEEPER_LOCK}, hashtext(${tenantId}))`);
    return run(work);
  });
}

async function signOne(context: JobContext, tenantId: TenantId): Promise<number> {
  const head = await trailHead(context.pool.db, tenantId);
  if (head === undefined || head.pendingSince === null) return 0;
  // Before anything is locked: a key that is missing is made on a connection of its own.
  const token = await signatureOf(tenantId, head, context.sign);
  return (await alone(context, tenantId, (work) => writeDue(work, head, token))) ? 1 : 0;
}

/** Has the ends of the chains signed when they are due. */
export const signCheckpoints: Job<SweepPayload> = {
  name: 'trail.checkpoint',
  parse: parseSweep,
  run: async (context) => {
    const due = (after: string) => dueForCheckpoint(context.pool.db, context.clock(), after);
    const checkpoints = await eachTenant(context, due, {
      most: TENANTS_A_LOOK,
      codeOf: (tenantId) => tenantId,
      run: (tenantId) => signOne(context, tenantId),
    });
    return { checkpoints };
  },
};

/** Behind a boundary that is signed before anything is gone. */
async function forgetOf(context: JobContext, boundary: Boundary): Promise<number> {
  const { tenantId } = boundary;
  const token = await boundarySignature(boundary, context.sign);
  await alone(context, tenantId, (work) => writeBoundary(work, token));
  let forgotten = 0;
  for (let gone = SWEEP_BATCH; gone === SWEEP_BATCH; forgotten += gone) {
    context.signal.throwIfAborted();
    gone = await alone(context, tenantId, ({ db }) => forgetEvents(db, boundary, SWEEP_BATCH));
    await context.progress({ events: forgotten + gone });
  }
  return forgotten;
}

/** Deletes the beginnings that tenants keep no longer. */
export const forgetTrail: Job<SweepPayload> = {
  name: 'trail.forget',
  parse: parseSweep,
  run: async (context) => {
    const due = (after: string) => outlived(context.pool.db, context.clock(), after);
    const events = await eachTenant(context, due, {
      most: TENANTS_A_LOOK,
      codeOf: ({ tenantId }) => tenantId,
      run: (boundary) => forgetOf(context, boundary),
    });
    return { events };
  },
};

/** Erases what events tell of people when its time is over: the chain verifies without it. */
export const eraseTrail: Job<SweepPayload> = {
  name: 'trail.erase',
  parse: parseSweep,
  run: async (context) => {
    const days = context.config.LG_PERSONAL_DATA_DAYS;
    return { events: await sweep(context, 'trail.erase', (now) => personalBatch(now, days)) };
  },
};
