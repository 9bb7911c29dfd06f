import { type Job, parseSweep, type SweepPayload } from '../core/job.js';
import { SWEEP_BATCH, sweep } from '../core/sweep.js';
import { ledgerBatch } from './service/sweepLedger.js';

/** Sums up lines of the usage ledger that nobody can refund any more. */
export const compactLedger: Job<SweepPayload> = {
  name: 'ledger.compact',
  parse: parseSweep,
  run: async (context) => {
    const days = context.config.LG_LEDGER_DAYS;
    return { lines: await sweep(context, 'ledger.compact', (now) => ledgerBatch(now, days, SWEEP_BATCH)) };
  },
};
