import { type Read, Unreadable } from '../offline/shape.js';

/** What an application has used since it told last. Counters are added up, the peak keeps the highest. */
export interface UsageReport {
  readonly totalRuntimeHours?: number | undefined;
  readonly featureUsage?: Readonly<Record<string, number>> | undefined;
  readonly apiCallsCount?: number | undefined;
  readonly dataProcessedMb?: number | undefined;
  readonly peakConcurrentUsers?: number | undefined;
}

const counters = ['totalRuntimeHours', 'apiCallsCount', 'dataProcessedMb'] as const;
/** What the server takes at most of one heartbeat, and of a feature in it. */
const MOST = 1_000_000_000_000;
const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= MOST;

function isReport(value: object): value is UsageReport {
  const report = value as UsageReport;
  const { featureUsage = {}, peakConcurrentUsers = 0, apiCallsCount = 0 } = report;
  return (
    counters.every((name) => isAmount(report[name] ?? 0)) &&
    Object.values(featureUsage).every(isAmount) &&
    Number.isInteger(apiCallsCount) &&
    Number.isInteger(peakConcurrentUsers) &&
    isAmount(peakConcurrentUsers)
  );
}

/**
 * @throws TypeError for what no heartbeat may carry: it would be refused, and everything with it.
 */
export function requireReport(report: UsageReport): void {
  if (!isReport(report))
    throw new TypeError('usage: has to be numbers from 0 to 10^12, calls and users whole');
}

/** As it was kept; of sums more is taken than of what is told at once. */
export const readUsage: Read<UsageReport> = (value) => {
  const isNumber = (each: unknown): boolean => typeof each === 'number' && each >= 0;
  if (typeof value !== 'object' || value === null) throw new Unreadable('no usage');
  const { featureUsage = {}, ...numbers } = value as UsageReport;
  const fits = [...Object.values(numbers), ...Object.values(featureUsage)].every(isNumber);
  if (!fits) throw new Unreadable('no usage');
  return value;
};

function addedUses(known: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>) {
  // Not by `known[name]`: an application may call a feature `constructor`.
  const sums = new Map(Object.entries(known));
  for (const [name, uses] of Object.entries(more)) sums.set(name, (sums.get(name) ?? 0) + uses);
  return Object.fromEntries(sums);
}

/** Both together. */
export function addedReports(known: UsageReport, more: UsageReport): UsageReport {
  const sums = Object.fromEntries(
    counters
      .filter((name) => known[name] !== undefined || more[name] !== undefined)
      .map((name) => [name, (known[name] ?? 0) + (more[name] ?? 0)]),
  );
  const uses = addedUses(known.featureUsage ?? {}, more.featureUsage ?? {});
  const peaks = [known.peakConcurrentUsers, more.peakConcurrentUsers].filter((peak) => peak !== undefined);
  return {
    ...sums,
    ...(Object.keys(uses).length === 0 ? {} : { featureUsage: uses }),
    ...(peaks.length === 0 ? {} : { peakConcurrentUsers: Math.max(...peaks) }),
  };
}

export function isEmptyReport(report: UsageReport): boolean {
  return Object.keys(report).length === 0;
}
