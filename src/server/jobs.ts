import { permissionsOf } from '../access/permissions.js';
import { processWebhook } from '../billing/jobs/inbound.js';
import type { Config } from '../core/config.js';
import type { TenantId } from '../core/id.js';
import type { Work } from '../core/work.js';
import { reactionJobs, reactions } from '../jobs/reactions.js';
import { type JobRunner, startRunner } from '../jobs/runner.js';
import { schedule } from '../jobs/schedule.js';
import type { JobList, Surroundings } from '../jobs/tasks.js';
import { sendOptions, WebhookDispatcher } from '../notifications/jobs/webhookDispatcher.js';
import { openWork } from './operation/openWork.js';
import type { Machinery } from './operation/operation.js';
import { serverSchedule } from './sweeps.js';

/** Connections of the jobs themselves, for as many as need one at the same time. */
export const JOB_CONNECTIONS = 4;

/** Every job of this program. */
export const jobs: JobList = {
  queued: [...reactionJobs(reactions), processWebhook],
  scheduled: [...schedule, ...serverSchedule],
};

function jobCaller(tenantId: TenantId) {
  const actor = { kind: 'system', subject: 'jobs', tenantId, permissions: permissionsOf([], []) } as const;
  return { actor, requestId: 'jobs', address: undefined };
}

/** What jobs stand on. Needs the machinery of the worker's role. */
export function jobSurroundings(machinery: Machinery, config: Config): Surroundings {
  const act = async <Result>(tenantId: TenantId, run: (work: Work) => Promise<Result>): Promise<Result> => {
    const { work, session } = await openWork(machinery, jobCaller(tenantId));
    try {
      const result = await run(work);
      await session.commit();
      return result;
    } catch (error) {
      await session.rollback();
      throw error;
    }
  };
  const { pool, clock, keys, log } = machinery;
  return { pool, clock, keys, config, log, act };
}

/** Runs every job of this program in this process, and sends webhooks as they become due: a queue waits too long for that. */
export function startJobs(machinery: Machinery, config: Config, url: string): JobRunner {
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
  };
  return { stop };
}
