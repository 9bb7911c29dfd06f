import { earliest, type Instant, latest } from '../../core/clock.js';
import { invalidInput } from '../../core/refusal.js';

/** What an application tells of its use. Counters add up, peaks keep the highest, the last use the latest. */
export interface UsageMetrics {
  readonly totalRuntimeHours: number;
  readonly featureUsage: Readonly<Record<string, number>>;
  readonly apiCallsCount: number;
  readonly dataProcessedMb: number;
  readonly lastUsedAt: Instant;
  readonly peakConcurrentUsers: number | null;
}

export type ReportedMetrics = { readonly [Name in keyof UsageMetrics]?: UsageMetrics[Name] | undefined };

/** An application names its features; whoever has a token may not fill the row with names without end. */
export const MOST_FEATURES_USED = 500;

/** A heartbeat that would add a name to as many as one activation keeps is refused; the names known go on counting. */
export function requireFewFeatures(
  known: Readonly<Record<string, number>>,
  reported: Readonly<Record<string, number>>,
): void {
  const added = Object.keys(reported).filter((name) => !Object.hasOwn(known, name)).length;
  if (added === 0 || Object.keys(known).length + added <= MOST_FEATURES_USED) return;
  const message = `an activation tells of at most ${MOST_FEATURES_USED} features`;
  throw invalidInput([{ field: 'input.metrics.featureUsage', message }]);
}

const MILLIONTHS = 1_000_000;

/** A sum of decimals in millionths: ten thousand times 0.1 is 1,000. Past 9 * 10^9 a number has fewer of them. */
function plus(one: number, other: number): number {
  return Math.round((one + other) * MILLIONTHS) / MILLIONTHS;
}

function addedUsage(
  known: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>> | undefined,
): Readonly<Record<string, number>> {
  if (more === undefined) return known;
  // Not by `known[name]`: an application may call a feature `constructor`.
  const sums = new Map(Object.entries(known));
  for (const [name, uses] of Object.entries(more)) sums.set(name, plus(sums.get(name) ?? 0, uses));
  return Object.fromEntries(sums);
}

function highest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

export function mergedMetrics(
  known: UsageMetrics | null,
  reported: ReportedMetrics,
  now: Instant,
): UsageMetrics {
  const calls = (known?.apiCallsCount ?? 0) + (reported.apiCallsCount ?? 0);
  return {
    totalRuntimeHours: plus(known?.totalRuntimeHours ?? 0, reported.totalRuntimeHours ?? 0),
    featureUsage: addedUsage(known?.featureUsage ?? {}, reported.featureUsage),
    // Past this number JSON does not tell neighbours apart, and the graph could not answer it.
    apiCallsCount: Math.min(calls, Number.MAX_SAFE_INTEGER),
    dataProcessedMb: plus(known?.dataProcessedMb ?? 0, reported.dataProcessedMb ?? 0),
    // A device's clock may be ahead; nothing has been used yet that is to come.
    lastUsedAt: latest(known?.lastUsedAt ?? null, earliest(reported.lastUsedAt ?? now, now)),
    peakConcurrentUsers: highest(known?.peakConcurrentUsers ?? null, reported.peakConcurrentUsers ?? null),
  };
}
