import type { Reading } from '../../core/work.js';
import { type Decision, decideAll, metersNeeded, type Need } from '../model/decide.js';
import { usageOf } from '../queries/counters.js';
import { licenseeOf } from '../queries/grants.js';

/** Asks, and charges nothing. */
export async function checkNeeds(reading: Reading, needs: readonly Need[]): Promise<Decision[]> {
  const licensee = await licenseeOf(reading, needs);
  const usage = await usageOf(reading, metersNeeded(licensee, needs, reading.now));
  return decideAll(licensee, needs, usage, reading.now);
}
