import { CheckpointFiles } from '../../audit/gateway/checkpointFiles.js';
import { checkpointsAfter, newestCheckpoints } from '../../audit/queries/checkpoints.js';
import type { Pool } from '../../core/db.js';
import type { Log } from '../../core/log.js';

const EVERY_MILLIS = 2_000;
const HANDED_OUT_AT_ONCE = 1000;

export interface CheckpointKeeperOptions {
  /** Of the worker. */
  readonly pool: Pick<Pool, 'db'>;
  readonly log: Log;
  /** Where checkpoints are handed out to. */
  readonly folder: string;
  readonly everyMillis?: number;
}

export interface CheckpointKeeper {
  /** Hands out now what is not; answers how many. */
  handOut(): Promise<number>;
  stop(): Promise<void>;
}

async function handOutAll({ pool: { db }, log }: CheckpointKeeperOptions, files: CheckpointFiles) {
  const failures: unknown[] = [];
  let handedOut = 0;
  for (const { tenantId, sequence } of await newestCheckpoints(db)) {
    const handOut = async (): Promise<number> => {
      const last = await files.last(tenantId);
      if (sequence <= last) return 0;
      return files.append(tenantId, await checkpointsAfter(db, tenantId, last, HANDED_OUT_AT_ONCE));
    };
    handedOut += await handOut().catch((error: unknown) => {
      log.error({ err: error, tenant: tenantId }, 'checkpoints of a tenant could not be handed out');
      failures.push(error);
      return 0;
    });
  }
  if (failures.length > 0) throw failures[0];
  return handedOut;
}

/**
 * Carries checkpoints that were signed to where this process is told to, whoever has signed them. What it has not carried
 * away yet is seen from the files, so that it goes on where any process has ended.
 */
export function startCheckpointKeeper(options: CheckpointKeeperOptions): CheckpointKeeper {
  const files = new CheckpointFiles(options.folder);
  let stopping = false;
  let running: Promise<unknown> | undefined;
  const look = (): void => {
    running ??= handOutAll(options, files)
      .catch((error: unknown) => {
        if (!stopping)
          options.log.error({ err: error }, 'checkpoints could not be handed out, and will be later');
      })
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(look, options.everyMillis ?? EVERY_MILLIS).unref();
  return {
    handOut: () => handOutAll(options, files),
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await running;
    },
  };
}
