/**
 * For whom a feature is asked: one of the three, or `'SELF'`, the part of the tenant that the API key itself stands for. A
 * value that is null, undefined, empty or longer than 255 characters is nobody, and nobody has a license: what a request may
 * lack is given as it is.
 */
export type Licensee =
  | { readonly customerId: string | null | undefined }
  | { readonly licenseKey: string | null | undefined }
  | { readonly activationToken: string | null | undefined }
  | 'SELF';

/** What a function that tells for whom a feature is asked may answer. */
export type Asker = Licensee | null | undefined;

/** Keys, tokens and ids are shorter: what a stranger sends beyond that is neither kept nor sent on. */
const LONGEST = 255;

/** Undefined where nobody is named. */
export function named(asker: Asker): Licensee | undefined {
  if (asker === null || asker === undefined || asker === 'SELF') return asker ?? undefined;
  const values: readonly unknown[] = Object.values(asker);
  return values.some((value) => typeof value === 'string' && value !== '' && value.length <= LONGEST)
    ? asker
    : undefined;
}

/** A use of a feature; an amount of 0 only asks whether it is granted. */
export interface Use {
  /** The feature's id, as licenses name it. */
  readonly featureId: string;
  /** Units, a whole number from 0 on. */
  readonly amount: number;
  /** Where an operation asks it: what lies below a refused path needs nothing. */
  readonly path?: string;
}

/**
 * What would make a refusal pass, as far as the API key may see it: the license that lapsed last with `license.read`, the
 * templates on sale with `template.read`.
 */
export interface Hints {
  readonly lapsedLicense: {
    readonly licenseId: string;
    readonly status: string;
    /** ISO 8601 in UTC; null if it has no end. */
    readonly endedAt: string | null;
  } | null;
  readonly upgrades: readonly { readonly templateId: string; readonly templateName: string }[];
}

/** What is answered to a use. */
export interface Verdict {
  readonly featureId: string;
  readonly granted: boolean;
  /** `NO_ACTIVE_LICENSE`, `FEATURE_NOT_LICENSED` or `QUOTA_EXCEEDED`; null if it is granted. */
  readonly code: string | null;
  readonly message: string | null;
  /** The feature that was refused: of uses that draw units together, all are refused with the first. */
  readonly refusedFeatureId: string | null;
  /** The lines of the grant that it wrote, by which its units come back. */
  readonly lines: readonly number[];
  /** Units; null is no limit, or that it was not looked at. */
  readonly limit: number | null;
  /** Units of this window, these included. */
  readonly used: number | null;
  /** When the limit starts anew, ISO 8601 in UTC; null if it never does. */
  readonly windowEndsAt: string | null;
  /** Null where it is granted; undefined where nobody was asked. */
  readonly hints?: Hints | null;
}

/** What is answered to uses that were asked together. */
export interface Decision {
  /** One for each use, in the order in which they were asked. */
  readonly verdicts: readonly Verdict[];
  /** By which the units are given back; null if none were drawn. */
  readonly grantId: string | null;
  /** Why nobody was asked and everything passed, where the failure mode is OPEN. */
  readonly uncounted: string | null;
}
