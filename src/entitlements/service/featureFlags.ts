import { defaultFeatureFlags, type FeatureFlags } from '../../access/model.js';
import { findTenant } from '../../access/queries.js';
import type { Reading } from '../../core/work.js';
import { checkNeeds } from './checkNeeds.js';

export interface FeatureFlag {
  readonly name: string;
  readonly featureId: string;
  readonly enabled: boolean;
}

/** Each setting with its feature, by the setting's name. */
export function flagsOf(flags: FeatureFlags): [name: string, featureId: string][] {
  return Object.entries(flags).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

/** The host's settings: each is on while the caller has the feature that stands behind it; without a license all are off. */
export async function featureFlags(reading: Reading): Promise<FeatureFlag[]> {
  const tenant = await findTenant(reading.db, reading.tenantId);
  const flags = flagsOf(tenant?.settings.featureFlags ?? defaultFeatureFlags);
  const needs = flags.map(([, feature]) => ({ feature, amount: 0 }));
  const decisions = await checkNeeds(reading, needs);
  return flags.map(([name, featureId], index) => ({
    name,
    featureId,
    enabled: decisions[index]?.granted ?? false,
  }));
}
