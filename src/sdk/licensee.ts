/** For whom a feature is asked: one of the three, or the part of the tenant that the API key itself stands for. */
export type Licensee =
  | { readonly customerId: string }
  | { readonly licenseKey: string }
  | { readonly activationToken: string }
  | 'SELF';

/** A use of a feature; an amount of 0 only asks whether it is granted. */
export interface Use {
  readonly featureId: string;
  readonly amount: number;
  /** Where an operation asks it: what lies below a refused path needs nothing. */
  readonly path?: string;
}

/** What is answered to a use. */
export interface Verdict {
  readonly featureId: string;
  readonly granted: boolean;
  readonly code: string | null;
  readonly message: string | null;
  readonly refusedFeatureId: string | null;
  /** The lines of the grant that it wrote, by which its units come back. */
  readonly lines: readonly number[];
  readonly limit: number | null;
  readonly used: number | null;
  readonly windowEndsAt: string | null;
}

/** What is answered to uses that were asked together. */
export interface Decision {
  readonly verdicts: readonly Verdict[];
  readonly grantId: string | null;
  /** Why nobody was asked and everything passed, where the failure mode is OPEN. */
  readonly uncounted: string | null;
}
