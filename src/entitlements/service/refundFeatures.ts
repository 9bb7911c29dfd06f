import type { GrantId } from '../../core/id.js';
import type { Coalesced, Coalescing, Work } from '../../core/work.js';
import { byMeter } from '../model/decide.js';
import { type Line, lineName, refundable } from '../model/ledger.js';
import { grantNotFound } from '../model/licensee.js';
import { lockedCounters } from '../queries/counters.js';
import { fatesOf, linesOfGrant } from '../queries/ledger.js';
import type { RefundFeaturesInput } from '../schema/consumption.js';
import { takerOf } from './chargeNeeds.js';
import { type Taker, writeEntries } from './ledger.js';
import { readingFor, recollectLicensee } from './namedLicensee.js';

export interface RefundedUnits {
  readonly featureId: string;
  readonly units: number;
}

export interface Refund {
  readonly refunds: readonly RefundedUnits[];
}

interface Refunding {
  readonly taker: Taker;
  readonly lines: readonly Line[];
}

function unitsByFeature(returned: readonly Line[]): RefundedUnits[] {
  const units = new Map<string, number>();
  for (const { meter, amount } of returned)
    units.set(meter.featureId, (units.get(meter.featureId) ?? 0) - amount);
  return [...units].map(([featureId, sum]) => ({ featureId, units: sum }));
}

/**
 * Gives units back for many callers at once. Whether a line came back before is asked behind the lock of its counter:
 * whoever gives it back holds that, so that each comes back once, on whatever server it is asked.
 */
async function refundMany(work: Work, asked: readonly Refunding[]): Promise<Coalesced<Refund>[]> {
  const lines = asked.flatMap((each) => each.lines);
  const meters = byMeter(lines).map(({ meter }) => meter);
  const counters = await lockedCounters(work, meters);
  const fates = await fatesOf(work, lines);
  const returned = new Set(fates.returned);
  const due = asked.map(({ taker, lines: own }) => {
    const left = own.filter((line) => !returned.has(lineName(line)));
    for (const line of left) returned.add(lineName(line));
    return { taker, lines: left };
  });
  const amounts = refundable(
    due.flatMap((each) => each.lines),
    fates,
    counters,
  );
  const back = new Map(amounts.map((line) => [lineName(line), line]));
  const answers = due.map(({ taker, lines: own }) => ({
    taker,
    lines: own.flatMap((line) => back.get(lineName(line)) ?? []),
  }));
  const entries = answers.flatMap(({ taker, lines: own }) =>
    own.map((line) => ({ kind: 'REFUND' as const, taker, line })),
  );
  await writeEntries(work, entries, counters);
  return answers.map(({ lines: own }) => ({
    payload: { refunds: unitsByFeature(own) },
    isEffective: own.length > 0,
  }));
}

/** Gives back what a grant drew, or some lines of it, once: the windows that they were drawn from have them again. */
export async function refundFeatures(ctx: Coalescing, input: RefundFeaturesInput): Promise<Refund> {
  const { licensee: named, grantId, lines: chosen } = input;
  const scope = await recollectLicensee(ctx, named, 'input.licensee');
  const taker = takerOf(ctx);
  const granted = await ctx.look((reading) =>
    linesOfGrant(readingFor(reading, scope), grantId as GrantId, taker.actor),
  );
  if (granted.length === 0) throw grantNotFound(grantId);
  const lines = granted.filter(({ line }) => chosen == null || chosen.includes(line));
  const answer = await ctx.coalesce(refundMany, { taker, lines });
  if (answer === undefined) throw new Error('a refund was left without an answer');
  return answer;
}
