import { permissionsOf } from '../access/permissions.js';
import { processWebhook } from '../billing/jobs/inbound.js';
import type { Clock } from '../core/clock.js';
import type { Config } from '../core/config.js';
import { committed } from '../core/db.js';
import { Held } from '../core/held.js';
import type { TenantId } from '../core/id.js';
import { databaseTime } from '../jobs/queries.js';
import { reactionJobs, reactions } from '../jobs/reactions.js';
import type { JobRunner } from '../jobs/runner.js';
import { schedule } from '../jobs/schedule.js';
import type { JobList, Surroundings } from '../jobs/tasks.js';
import { issueInBulk } from '../licenses/jobs.js';
import { sendOptions, WebhookDispatcher } from '../notifications/jobs/webhookDispatcher.js';
import { suspendOrders } from '../orders/jobs/suspendOrders.js';
import { fulfillOrders } from '../orders/jobs.js';
import { openWork } from './operation/openWork.js';
import type { Machinery } from './operation/operation.js';
import { serverSchedule } from './sweeps.js';

/** Connections of the jobs themselves, for as many as need one at the same time. */
export const JOB_CONNECTIONS = 4;

/** Every job of this program. */
export const jobs: JobList = {
  queued: [...reactionJobs(reactions), processWebhook, fulfillOrders, suspendOrders, issueInBulk],
  scheduled: [...schedule, ...serverSchedule],
};

function jobCaller(tenantId: TenantId) {
  const actor = { kind: 'system', subject: 'jobs', tenantId, permissions: permissionsOf([], []) } as const;
  return { actor, requestId: 'jobs', address: undefined };
}

/**
 * What jobs stand on, by the clock that all servers share: the database's, unless a test says otherwise. Needs the machinery
 * of the worker's role.
 */
export function jobSurroundings(
  machinery: Machinery,
  config: Config,
  sharedTime: Surroundings['sharedTime'] = databaseTime,
): Surroundings {
  const { pool, keys, log, signing } = machinery;
  const held = new Held();
  const by = (clock: Clock): Surroundings => ({
    pool,
    clock,
    keys,
    config,
    log,
    sign: signing.sign,
    held,
    sharedTime,
    by,
    act: async (tenantId, run) => {
      const { work, session } = await openWork({ ...machinery, clock }, jobCaller(tenantId));
      return committed(session, () => run(work));
    },
  });
  return by(machinery.clock);
}

/**
 * Runs every job of this program in this process, and sends webhooks as they become due: a queue waits too long for that.
 * The queue and its driver are loaded here: who only serves, or asks one thing of the command line, does without.
 */
export async function startJobs(machinery: Machinery, config: Config, url: string): Promise<JobRunner> {
  const { startRunner } = await import('../jobs/runner.js');
  const surroundings = jobSurroundings(machinery, config);
  const runner = startRunner({
    url,
    surroundings,
    jobs,
    concurrency: config.LG_JOBS_AT_ONCE,
    stopSeconds: config.LG_STOP_SECONDS,
  });
  const webhooks = new WebhookDispatcher(surroundings, sendOptions(config));
  webhooks.start();
  const stop = async (): Promise<void> => {
    await Promise.all([webhooks.stop(), runner.stop()]);
    surroundings.held.close();
  };
  return { stop };
}
