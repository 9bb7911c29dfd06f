import type { FeatureFlags } from '../../access/model.js';
import { lockTenant } from '../../access/queries.js';
import { requireWholeTenant, saveFeatureFlags } from '../../access/service.js';
import { repeated } from '../../core/check.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import type { SetFeatureFlagsInput } from '../schema/inputs.js';
import { type FeatureFlag, featureFlags, flagsOf } from './featureFlags.js';

function flagsIn({ flags }: SetFeatureFlagsInput): FeatureFlags | null {
  if (flags === null || flags === undefined) return null;
  const names = flags.map(({ name }) => name);
  const problems = repeated(names, (index) => `input.flags.${index}.name`);
  if (problems.length > 0) throw invalidInput(problems);
  return Object.fromEntries(flags.map(({ name, featureId }) => [name, featureId]));
}

/** As an event tells them: a name that somebody chose is no name of a member. */
const told = (flags: FeatureFlags | undefined) =>
  flags === undefined ? null : flagsOf(flags).map(([name, featureId]) => ({ name, featureId }));

/** Puts other flags in the place of those that the tenant had. The same once more changes nothing, and is no event. */
export async function setFeatureFlags(work: Work, input: SetFeatureFlagsInput): Promise<FeatureFlag[]> {
  requireWholeTenant(work, 'feature_flags.set');
  const flags = flagsIn(input);
  const tenant = await lockTenant(work);
  const [before, after] = [told(tenant.settings.featureFlags), told(flags ?? undefined)];
  if (JSON.stringify(before) !== JSON.stringify(after)) {
    await saveFeatureFlags(work, tenant, flags);
    await work.emit({ type: 'feature_flags.set', subjectId: tenant.id, data: { before, after } });
  }
  return featureFlags(work);
}
