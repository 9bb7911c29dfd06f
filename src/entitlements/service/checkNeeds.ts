import type { Reading } from '../../core/work.js';
import { type Decision, decideAll, metersNeeded, type Need } from '../model/decide.js';
import type { Charged } from '../model/ledger.js';
import { metersOf, standingOf } from '../model/meter.js';
import { usageOf } from '../queries/counters.js';
import { licenseeOf } from '../queries/grants.js';

/** Asks, and charges nothing. */
export async function checkNeeds(reading: Reading, needs: readonly Need[]): Promise<Decision[]> {
  return (await checkCharged(reading, needs)).map(({ decision }) => decision);
}

/** The same, with what stands on the meters of what is asked. */
export async function checkCharged(reading: Reading, needs: readonly Need[]): Promise<Charged[]> {
  const licensee = await licenseeOf(reading, needs);
  const usage = await usageOf(reading, metersNeeded(licensee, needs, reading.now));
  return decideAll(licensee, needs, usage, reading.now).map((decision, index) => {
    const { feature = '', amount = 0 } = needs[index] ?? {};
    const standing =
      amount > 0 ? standingOf(metersOf(licensee.drawable, feature, reading.now), usage) : undefined;
    return { decision, lines: [], standing };
  });
}
