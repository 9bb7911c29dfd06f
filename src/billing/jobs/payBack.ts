import { type Job, parseReaction, type ReactionPayload } from '../../core/job.js';
import { askCharges } from './askCharges.js';

/**
 * A refund is asked for as soon as it is told of: somebody waits for it. Whatever this misses, by a processor that is away or
 * a clock that is slow, the renewals' turn of the clock asks for.
 */
export const payBack: Job<ReactionPayload> = {
  name: 'refund.ask',
  parse: parseReaction,
  run: async (context) => ({ ...(await askCharges(context)) }),
};
