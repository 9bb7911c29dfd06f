import type { Scope } from '../../core/actor.js';
import type { GrantId } from '../../core/id.js';
import { Refusal, type RefusalCode } from '../../core/refusal.js';
import type { Need } from './decide.js';
import type { Charged } from './ledger.js';
import type { Standing } from './meter.js';

/** Whether one use of a feature is granted, and what stands on its limit afterwards. */
export interface UseVerdict extends Partial<Standing> {
  readonly featureId: string;
  readonly amount: number;
  readonly granted: boolean;
  readonly code: RefusalCode | null;
  readonly message: string | null;
  /** Of several metered uses one that is refused refuses all: this one. */
  readonly refusedFeatureId: string | null;
  /** What it wrote into the ledger, by which it can be given back. */
  readonly lines: readonly number[];
  /** In what part of the tenant hints are looked for; without it in the caller's own. */
  readonly reach?: Scope;
}

export interface UseVerdicts {
  readonly granted: boolean;
  readonly grantId: GrantId | null;
  readonly verdicts: readonly UseVerdict[];
}

/** The feature that a refusal names: of several paths one that is refused may refuse others. */
export const featureIn = (refusal: Refusal, otherwise: string): string =>
  typeof refusal.details.feature === 'string' ? refusal.details.feature : otherwise;

/** What is answered to uses that were asked together: if one that is metered is refused, every metered one answers that. */
export function verdictsOn(needs: readonly Need[], charged: readonly Charged[]): UseVerdicts {
  const refusals = charged.map(({ decision }) => (decision.granted ? undefined : decision));
  const first = refusals.findIndex((refused) => refused?.metered === true);
  const verdicts = needs.map(({ feature, amount }, index): UseVerdict => {
    const own = refusals[index];
    const at = amount > 0 && own?.metered !== false && first !== -1 ? first : index;
    const refusal = refusals[at]?.refusal;
    return {
      featureId: feature,
      amount,
      granted: refusal === undefined,
      code: refusal?.code ?? null,
      message: refusal?.message ?? null,
      refusedFeatureId: refusal === undefined ? null : featureIn(refusal, needs[at]?.feature ?? feature),
      lines: (charged[index]?.lines ?? []).map(({ line }) => line),
      ...charged[index]?.standing,
    };
  });
  const grantId = charged.flatMap(({ lines }) => lines)[0]?.grantId ?? null;
  return { granted: verdicts.every(({ granted }) => granted), grantId, verdicts };
}

/** The same, asked for a licensee: what would make a refusal pass is looked for among what is his. */
export function reaching(verdicts: UseVerdicts, reach: Scope): UseVerdicts {
  if (verdicts.granted) return verdicts;
  const told = verdicts.verdicts.map((verdict) => (verdict.granted ? verdict : { ...verdict, reach }));
  return { ...verdicts, verdicts: told };
}

const misuses: ReadonlySet<RefusalCode | null> = new Set<RefusalCode>([
  'NO_ACTIVE_LICENSE',
  'FEATURE_NOT_LICENSED',
]);

/** What has to be recorded of uses, as if they had been refused. */
export function misuseOf({ verdicts }: UseVerdicts): Refusal | undefined {
  const misused = verdicts.find(({ code }) => misuses.has(code));
  if (misused?.code == null) return undefined;
  return new Refusal(misused.code, misused.message ?? '', { feature: misused.featureId });
}
