import { sql } from 'drizzle-orm';
import { jobInParts, resumeStalled } from '../core/behind.js';
import { type Job, type JobResult, parseSweep, type SweepPayload } from '../core/job.js';
import { FULFILL_ORDER } from './service/makeBehind.js';
import { noteFailure, progressOrder } from './service/progressOrder.js';
import { licenseOrders } from './table.js';

/**
 * Makes the licenses of an order, chunk by chunk. Run beside itself, or again after its process died in the middle, it makes
 * what is still missing and nothing else: each chunk counts, under the order's lock, the licenses that are there.
 */
export const fulfillOrders = jobInParts<'Order'>(FULFILL_ORDER, (context, { tenantId, id }) => ({
  part: () => context.act(tenantId, (work) => progressOrder(work, id)),
  note: (error) => context.act(tenantId, (work) => noteFailure(work, id, error)),
}));

/** Begins orders again that were begun and stand still. */
export const resumeOrders: Job<SweepPayload> = {
  name: 'order.resume',
  parse: parseSweep,
  run: async (context): Promise<JobResult> => {
    const started = sql`status = 'APPROVED' and payment_status = 'PAID' and started_at is not null`;
    return { resumed: await resumeStalled(context, FULFILL_ORDER, licenseOrders, started) };
  },
};
