import { addMillis } from '../core/clock.js';
import { type Job, parseSweep, type SweepPayload } from '../core/job.js';
import { SPARE_MILLIS, SWEEP_BATCH, sweep } from '../core/sweep.js';
import { archiveBatch } from './service/archive.js';
import { cullBatch } from './service/cullLeases.js';
import { emergencyCodeBatch, licenseFileBatch, offlineRequestBatch } from './service/sweepDocuments.js';
import { archivedNamesBatch, personalDataBatch } from './service/sweepPersonalData.js';
import { tokenBatch } from './service/sweepTokens.js';
import { archivedActivations, licenseActivations } from './table.js';

/** Forgets tokens that later ones have replaced. */
export const forgetTokens: Job<SweepPayload> = {
  name: 'token.forget',
  parse: parseSweep,
  run: async (context) => ({
    tokens: await sweep(context, 'token.forget', (now) =>
      tokenBatch(addMillis(now, -SPARE_MILLIS), SWEEP_BATCH),
    ),
  }),
};

/** Erases what is personal of activations once its time is over. */
export const erasePersonalData: Job<SweepPayload> = {
  name: 'activation.erase_personal_data',
  parse: parseSweep,
  run: async (context) => {
    const days = context.config.LG_PERSONAL_DATA_DAYS;
    const erase = (table: Parameters<typeof personalDataBatch>[0]) =>
      sweep(context, 'activation.erase_personal_data', (now) =>
        personalDataBatch(table, now, days, SWEEP_BATCH),
      );
    const archivedNames = await sweep(context, 'activation.erase_archived_names', (now) =>
      archivedNamesBatch(now, days, SWEEP_BATCH),
    );
    const activations = (await erase(licenseActivations)) + (await erase(archivedActivations));
    return { activations, archivedNames };
  },
};

/** Forgets license files and offline requests that are long over, and emergency codes that were used or ended. */
export const forgetDocuments: Job<SweepPayload> = {
  name: 'document.forget',
  parse: parseSweep,
  run: async (context) => ({
    licenseFiles: await sweep(context, 'document.forget', licenseFileBatch),
    offlineRequests: await sweep(context, 'document.forget', offlineRequestBatch),
    emergencyCodes: await sweep(context, 'document.forget', emergencyCodeBatch),
  }),
};

/** Writes down which floating seats time has freed. */
export const cullLeases: Job<SweepPayload> = {
  name: 'lease.cull',
  parse: parseSweep,
  run: async (context) => ({
    licenses: await sweep(context, 'lease.cull', (now) => cullBatch(addMillis(now, -SPARE_MILLIS))),
  }),
};

/** Moves what ended long ago to the archive. */
export const archiveActivations: Job<SweepPayload> = {
  name: 'activation.archive',
  parse: parseSweep,
  run: async (context) => ({ activations: await sweep(context, 'activation.archive', archiveBatch) }),
};
