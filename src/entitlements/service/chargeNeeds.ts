import { sql } from 'drizzle-orm';
import type { Actor } from '../../core/actor.js';
import { subjectOf } from '../../core/actor.js';
import { newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import {
  byMeter,
  type Decision,
  type Draw,
  decideAll,
  metersNeeded,
  type Need,
  refusesUnits,
} from '../model/decide.js';
import { type Charged, type Line, numbered, refundable } from '../model/ledger.js';
import type { Meter, Usage } from '../model/meter.js';
import { type Counters, lockedCounters, usageIn, usageOf } from '../queries/counters.js';
import { licenseeOf } from '../queries/grants.js';
import { fatesOf } from '../queries/ledger.js';
import { ensureCounters, type Taker, writeEntries } from './ledger.js';

interface Taking {
  readonly actor: Actor;
  readonly requestId: string;
  readonly idempotencyKey?: string | undefined;
}

export function takerOf({ actor, requestId, idempotencyKey }: Taking): Taker {
  return { actor: subjectOf(actor) ?? '', requestId, idempotencyKey };
}

const drawsOf = (decisions: readonly Decision[]): Draw[] =>
  byMeter(decisions.flatMap((decision) => (decision.granted ? decision.draws : [])));

const uncharged = (decisions: readonly Decision[]): Charged[] =>
  decisions.map((decision) => ({ decision, lines: [] }));

async function write(work: Work, decisions: readonly Decision[], counters: Counters): Promise<Charged[]> {
  const charged = numbered(newId<'Grant'>(work.now), decisions);
  const taker = takerOf(work);
  const entries = charged.flatMap(({ lines }) =>
    lines.map((line) => ({ kind: 'GRANT' as const, taker, line })),
  );
  await writeEntries(work, entries, counters);
  return charged;
}

async function lockCounters(work: Work, meters: readonly Meter[]): Promise<Counters> {
  await ensureCounters(work, meters);
  return lockedCounters(work, meters);
}

/** How often a charge looks for counters that suffice before it locks all that there are. */
const LOOKS = 3;

/**
 * Charges the few counters from which units will be drawn, as it seems without locks. If they turn out not to suffice
 * once they are locked, all locks are given back before others are taken, so that nobody who holds one waits for one that
 * comes before it. Undefined when others were always quicker; a refusal is told as one look saw it.
 */
async function chargeFew(
  work: Work,
  meters: readonly Meter[],
  decideBy: (usage: Usage) => Decision[],
): Promise<Charged[] | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const seen = await usageOf(work, meters);
    const expected = decideBy(seen);
    if (refusesUnits(expected)) return uncharged(expected);
    const chosen = drawsOf(expected).map((draw) => draw.meter);
    await work.db.execute(sql`savepoint few_counters`);
    const locked = await lockCounters(work, chosen);
    const decisions = decideBy(new Map([...seen, ...usageIn(locked)]));
    const draws = drawsOf(decisions);
    if (!refusesUnits(decisions) && draws.every(({ meter }) => locked.has(meter.name))) {
      return write(work, decisions, locked);
    }
    await work.db.execute(sql`rollback to savepoint few_counters`);
  }
  return undefined;
}

/**
 * Charges all needs in the caller's transaction, or none if a metered one is refused. A counter is locked before what it
 * says is relied on, so that no unit more than the limit is granted, however many servers ask; the transaction holds it
 * until it ends.
 */
export async function chargeNeeds(work: Work, needs: readonly Need[]): Promise<Charged[]> {
  const licensee = await licenseeOf(work, needs);
  const meters = metersNeeded(licensee, needs, work.now);
  const decideBy = (usage: Usage): Decision[] => decideAll(licensee, needs, usage, work.now);
  const several = new Set(meters.map((meter) => meter.featureId)).size < meters.length;
  const few = several ? await chargeFew(work, meters, decideBy) : undefined;
  if (few !== undefined) return few;
  const counters = await lockCounters(work, meters);
  const decisions = decideBy(usageIn(counters));
  return refusesUnits(decisions) ? uncharged(decisions) : write(work, decisions, counters);
}

/** Gives units back to the windows that they were drawn from. */
export async function refundLines(
  work: Work,
  lines: readonly Line[],
  taker: Taker = takerOf(work),
): Promise<void> {
  const counters = await lockedCounters(
    work,
    byMeter(lines).map((draw) => draw.meter),
  );
  const returned = refundable(lines, await fatesOf(work, lines), counters);
  await writeEntries(
    work,
    returned.map((line) => ({ kind: 'REFUND' as const, taker, line })),
    counters,
  );
}
