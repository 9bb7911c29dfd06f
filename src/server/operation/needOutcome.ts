import type { Refusal } from '../../core/refusal.js';
import type { Line } from '../../entitlements/model/ledger.js';

/** A feature that was granted past its limit, as the extensions of an answer tell it. */
export interface FeatureWarning {
  readonly feature: string;
  readonly limit: number | null;
  /** Units of this operation that stand past the limit. */
  readonly unitsPastLimit: number;
}

/** What became of what an operation needs. */
export class NeedOutcome {
  readonly refusals = new Map<string, Refusal>();
  readonly used = new Set<string>();
  readonly lines = new Map<string, readonly Line[]>();
  readonly warnings = new Map<string, FeatureWarning>();
}
