import type { Instant } from '../../core/clock.js';
import type { NewEvent } from '../../core/event.js';
import type { GrantId } from '../../core/id.js';
import type { Decision, Draw } from './decide.js';
import type { Meter, Standing } from './meter.js';

/** Why a line stands in the ledger of a meter: units drawn, units given back, a window set back to 0 by hand. */
export const ledgerKinds = ['GRANT', 'REFUND', 'RESET'] as const;
export type LedgerKind = (typeof ledgerKinds)[number];

/** That a feature was used without a license for it is a fact too. */
export const entitlementEvents = [
  'feature.refused',
  'feature.granted',
  'feature.revoked',
  'quota.threshold_reached',
  'quota.topped_up',
  'quota.reset',
  'feature_flags.set',
] as const;

/** A draw that was written: it is given back by the name of its grant and line, once. */
export interface Line extends Draw {
  readonly grantId: GrantId;
  readonly line: number;
}

/** A decision with the lines of the ledger that it wrote; none if nothing was charged. */
export interface Charged {
  readonly decision: Decision;
  readonly lines: readonly Line[];
  /** What stands on the meters afterwards; only told to those who ask for it, and where units were asked for. */
  readonly standing?: Standing | undefined;
}

/** Member by member: to spread a draw takes longer than all the rest of a grant. */
function lineOf({ meter, amount, pastLimit }: Draw, grantId: GrantId, line: number): Line {
  return pastLimit === undefined
    ? { meter, amount, grantId, line }
    : { meter, amount, pastLimit, grantId, line };
}

/** Numbers the draws of one grant. */
export function numbered(grantId: GrantId, decisions: readonly Decision[]): Charged[] {
  let next = 0;
  return decisions.map((decision) => {
    const draws = decision.granted ? decision.draws : [];
    const first = next;
    next += draws.length;
    return { decision, lines: draws.map((draw, index) => lineOf(draw, grantId, first + index)) };
  });
}

/** Shares of a limit, in percent, that are told when use reaches them, once a window. */
export const thresholds = [80, 90, 100] as const;

/** What a counter said before it was added to. */
export interface Counted {
  readonly used: number;
  readonly toldPercent: number;
  /** How often it was set back to 0 by hand. */
  readonly resets: number;
}

/** The thresholds that a meter reaches with this use and that were not told in its window. */
function reached(meter: Meter, before: Counted, used: number): number[] {
  const { limit } = meter;
  if (limit === null || limit === 0) return [];
  return thresholds.filter((percent) => percent > before.toldPercent && used >= (limit * percent) / 100);
}

/** A counter after an operation's draws, with what is to be told of it. */
export interface Advance {
  readonly meter: Meter;
  readonly amount: number;
  readonly toldPercent: number;
  readonly events: readonly NewEvent[];
}

/** What an event of a reached threshold holds. */
export interface ThresholdReached {
  readonly featureId: string;
  readonly thresholdPercent: number;
  readonly limit: number;
  readonly used: number;
  /** When the limit is counted anew; null is never. */
  readonly windowEndsAt: Instant | null;
}

/** A threshold that use has reached, with its place in the tenant's log. */
export interface QuotaThreshold extends ThresholdReached {
  readonly sequence: number;
  readonly at: Instant;
  readonly licenseId: string;
}

/** Read back from the log, where `thresholdEvent` wrote it. */
export function thresholdOf(data: Readonly<Record<string, unknown>>): ThresholdReached {
  const { featureId, thresholdPercent, limit, used, windowEndsAt } = data as unknown as ThresholdReached;
  return { featureId, thresholdPercent, limit, used, windowEndsAt };
}

function thresholdEvent(meter: Meter, percent: number, used: number): NewEvent {
  const { licenseId, featureId, limit, windowEnd } = meter;
  const data = { featureId, thresholdPercent: percent, limit, used, windowEndsAt: windowEnd };
  return { type: 'quota.threshold_reached', subjectId: licenseId, licenseId, data };
}

/** What draws make of a counter. */
export function advance({ meter, amount }: Draw, before: Counted): Advance {
  const used = before.used + amount;
  const told = reached(meter, before, used);
  return {
    meter,
    amount,
    toldPercent: told.at(-1) ?? 0,
    events: told.map((percent) => thresholdEvent(meter, percent, used)),
  };
}

/** The name of a line among those of its tenant. */
export function lineName({ grantId, line }: Pick<Line, 'grantId' | 'line'>): string {
  return `${grantId} ${line}`;
}

/** What became of lines since they were written. */
export interface Fates {
  /** Those that were given back already. */
  readonly returned: ReadonlySet<string>;
  /** How often the counter of each had been set back when it was drawn; of a line that is not there nothing is known. */
  readonly resets: ReadonlyMap<string, number>;
}

/**
 * What can be given back of lines: never more than their counter says, and nothing of what was drawn before it was set
 * back, which would be somebody else's units.
 */
export function refundable(
  lines: readonly Line[],
  { resets }: Fates,
  counters: ReadonlyMap<string, Counted>,
): Line[] {
  const left = new Map([...counters].map(([name, { used }]) => [name, used]));
  return lines.map((line) => {
    const { name } = line.meter;
    const isStanding = resets.get(lineName(line)) === counters.get(name)?.resets;
    const amount = isStanding ? Math.min(line.amount, left.get(name) ?? 0) : 0;
    left.set(name, (left.get(name) ?? 0) - amount);
    return { ...line, amount: -amount };
  });
}
