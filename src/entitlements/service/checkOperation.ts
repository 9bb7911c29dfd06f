import type { Reading } from '../../core/work.js';
import type { Need } from '../model/decide.js';
import type { Charged } from '../model/ledger.js';
import { type Standing, total } from '../model/meter.js';
import { featureIn } from '../model/verdict.js';
import { checkCharged } from './checkNeeds.js';

/** A need of an operation, as far as it is told. */
export interface FieldNeed extends Need {
  readonly path: string;
  readonly field: string;
}

/** Whether one response path of an operation would answer. */
export interface FieldVerdict extends Partial<Standing> {
  readonly path: string;
  readonly field: string;
  readonly featureId: string;
  readonly units: number;
  readonly granted: boolean;
  readonly code: string | null;
  readonly message: string | null;
  /** A path below one that is refused is refused for what that one lacks. */
  readonly refusedFeatureId: string | null;
}

export interface FeatureUnits {
  readonly featureId: string;
  readonly units: number;
}

/** What an operation would need and get, were it sent now. */
export interface CheckedOperation {
  readonly passes: boolean;
  readonly problems: readonly string[];
  readonly verdicts: readonly FieldVerdict[];
  readonly features: readonly FeatureUnits[];
}

function verdictOf({ path, field, feature, amount }: FieldNeed, checked: Charged | undefined): FieldVerdict {
  const decision = checked?.decision;
  const refusal = decision === undefined || decision.granted ? undefined : decision.refusal;
  return {
    path,
    field,
    featureId: feature,
    units: amount,
    granted: refusal === undefined,
    code: refusal?.code ?? null,
    message: refusal?.message ?? null,
    refusedFeatureId: refusal === undefined ? null : featureIn(refusal, feature),
    ...checked?.standing,
  };
}

function unitsByFeature(needs: readonly FieldNeed[]): FeatureUnits[] {
  const units = new Map<string, number>();
  for (const { feature, amount } of needs) units.set(feature, total([units.get(feature) ?? 0, amount]));
  return [...units].map(([featureId, sum]) => ({ featureId, units: sum }));
}

export function notRunnable(problems: readonly string[]): CheckedOperation {
  return { passes: false, problems, verdicts: [], features: [] };
}

/** Asks for every need as the operation would, each behind those before it; nothing is charged. */
export async function checkOperation(
  reading: Reading,
  needs: readonly FieldNeed[],
): Promise<CheckedOperation> {
  const checked = await checkCharged(reading, needs);
  const verdicts = needs.map((need, index) => verdictOf(need, checked[index]));
  const passes = verdicts.every(({ granted }) => granted);
  return { passes, problems: [], verdicts, features: unitsByFeature(needs) };
}
