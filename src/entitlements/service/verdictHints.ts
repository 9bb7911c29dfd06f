import { type Scope, scopeOf } from '../../core/actor.js';
import { groupBy } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { hintsFor, hintsOn, type RefusalHints } from './explain.js';
import { readingFor } from './namedLicensee.js';

/** A verdict, as far as hints depend on it. */
export interface ToExplain {
  readonly featureId: string;
  readonly refusedFeatureId: string | null;
  readonly code: string | null;
  readonly limit?: number | null;
  readonly reach?: Scope;
}

interface Asked {
  readonly reach: Scope | null;
  readonly feature: string;
  readonly limit: number;
}

/** What hints of a verdict depend on; null where it is granted. */
export function hintsKey(verdict: ToExplain): string | null {
  const { code, featureId, refusedFeatureId, limit, reach } = verdict;
  if (code === null) return null;
  const asked: Asked = {
    reach: reach ?? null,
    feature: refusedFeatureId ?? featureId,
    limit: code === 'QUOTA_EXCEEDED' ? (limit ?? -1) : -1,
  };
  return JSON.stringify(asked);
}

function within(reading: Reading, reach: Scope | null): Reading {
  const own = JSON.stringify(scopeOf(reading.actor)) === JSON.stringify(reach);
  return reach === null || own ? reading : readingFor(reading, reach);
}

/** What would make refusals pass: two statements for each licensee, however many features were refused. */
export async function hintsByVerdict(
  reading: Reading,
  keys: readonly string[],
): Promise<ReadonlyMap<string, RefusalHints>> {
  const asked = keys.map((key) => ({ key, ...(JSON.parse(key) as Asked) }));
  const groups = groupBy(asked, ({ reach }) => JSON.stringify(reach));
  const found = new Map<string, RefusalHints>();
  for (const group of groups.values()) {
    const features = [...new Set(group.map(({ feature }) => feature))];
    const hints = await hintsOn(within(reading, group[0]?.reach ?? null), features);
    for (const { key, feature, limit } of group) found.set(key, hintsFor(hints, feature, limit));
  }
  return found;
}
