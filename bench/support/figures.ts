/** What a round of callers measured, each of whom asks again as soon as it is answered. */
export interface Measured {
  readonly perSecond: number;
  readonly p99Millis: number;
  /** Of the processor that the server took for each, where that was counted: another load of the machine bends it less. */
  readonly cpuMicros?: number;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function measured(answerMillis: readonly number[], roundMillis: number): Measured {
  return { perSecond: (answerMillis.length / roundMillis) * 1000, p99Millis: quantile(answerMillis, 0.99) };
}

/** What rounds that took turns measured of each of several ways, by its name. */
export type Rounds<Way extends string> = readonly Readonly<Record<Way, Measured>>[];

/** Measures each way in turns: what else the machine does meanwhile meets all of them. */
export async function takeTurns<Way extends string>(
  ways: Readonly<Record<Way, () => Promise<Measured>>>,
  rounds: number,
): Promise<Rounds<Way>> {
  const names = Object.keys(ways) as Way[];
  // The first of each is thrown away: connections are opened and code is compiled.
  for (const name of names) await ways[name]();
  const all: Record<Way, Measured>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const measuredOf = {} as Record<Way, Measured>;
    for (const name of names) measuredOf[name] = await ways[name]();
    all.push(measuredOf);
  }
  return all;
}

/** A line of a table for a way: its medians, and those of what the first way is against it, round by round. */
export function line<Way extends string>(rounds: Rounds<Way>, ours: Way, way: Way): Record<string, string> {
  const of = (pick: (round: Readonly<Record<Way, Measured>>) => number): number => median(rounds.map(pick));
  const own = {
    'per s': of((round) => round[way].perSecond).toFixed(0),
    'p99 ms': of((round) => round[way].p99Millis).toFixed(1),
    ...(rounds.some((round) => round[way].cpuMicros === undefined)
      ? {}
      : { 'cpu us each': of((round) => round[way].cpuMicros ?? 0).toFixed(0) }),
  };
  if (way === ours) return own;
  return {
    ...own,
    'times as many': of((round) => round[ours].perSecond / round[way].perSecond).toFixed(1),
    'share of p99': of((round) => round[ours].p99Millis / round[way].p99Millis).toFixed(2),
  };
}

/** Student's t for a two-sided 95 % interval with 30 degrees of freedom. */
const T_30 = 2.042;

export interface Interval {
  readonly ratio: number;
  readonly from: number;
  readonly to: number;
}

/** The geometric mean of 31 ratios, and the interval in which it lies with 95 %. */
export function interval31(ratios: readonly number[]): Interval {
  if (ratios.length !== 31) throw new Error(`31 rounds are asked for, not ${ratios.length}`);
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const reach = T_30 * Math.sqrt(variance / logs.length);
  return { ratio: Math.exp(mean), from: Math.exp(mean - reach), to: Math.exp(mean + reach) };
}
