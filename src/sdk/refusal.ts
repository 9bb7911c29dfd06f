import type { Verdict } from './licensee.js';

/** What each refusal means over HTTP; anything else is an outage. */
const statuses: Readonly<Record<string, number>> = {
  NO_ACTIVE_LICENSE: 403,
  FEATURE_NOT_LICENSED: 403,
  QUOTA_EXCEEDED: 429,
};

/** A feature that may not be used now. `code`, `status` and `details` say why, for a GraphQL error or an HTTP answer. */
export class FeatureRefused extends Error {
  override readonly name = 'FeatureRefused';
  readonly status: number;

  constructor(
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.status = statuses[code] ?? 503;
  }
}

export function noActiveLicense(): FeatureRefused {
  return new FeatureRefused('NO_ACTIVE_LICENSE', 'No active license found for tenant');
}

/** Nobody can say whether it may be used, and the failure mode is CLOSED. */
export function unavailable(): FeatureRefused {
  const message = 'The license server cannot be asked at the moment; try again.';
  return new FeatureRefused('ENTITLEMENTS_UNAVAILABLE', message);
}

/** What stands on a limit is told by the use of the very feature that is wanting. */
function countsOf(feature: string, verdicts: readonly Verdict[]): Readonly<Record<string, unknown>> {
  const wanting = verdicts.find(
    (verdict) => verdict.featureId === feature && verdict.code === 'QUOTA_EXCEEDED',
  );
  if (wanting === undefined) return {};
  const { limit, used, windowEndsAt } = wanting;
  return { limit, used, windowEndsAt };
}

/** Named as this product's own refusals name them, and left out where there is nothing to say. */
function hintsOf({ hints }: Verdict): Readonly<Record<string, unknown>> {
  const { lapsedLicense = null, upgrades = [] } = hints ?? {};
  return {
    ...(lapsedLicense === null ? {} : { lapsedLicense }),
    ...(upgrades.length === 0 ? {} : { upgrades }),
  };
}

function refusalOf(verdict: Verdict, verdicts: readonly Verdict[]): FeatureRefused | undefined {
  const { granted, code, message, featureId, refusedFeatureId } = verdict;
  if (granted) return undefined;
  const feature = refusedFeatureId ?? featureId;
  const counts = code === 'QUOTA_EXCEEDED' ? countsOf(feature, verdicts) : {};
  const details = { feature, ...counts, ...hintsOf(verdict) };
  return new FeatureRefused(code ?? 'NO_ACTIVE_LICENSE', message ?? '', details);
}

/** The refusals of uses that were asked together, in their order; undefined for one that is granted. */
export function refusalsOf(verdicts: readonly Verdict[]): (FeatureRefused | undefined)[] {
  return verdicts.map((verdict) => refusalOf(verdict, verdicts));
}

/** The first of them. */
export function firstRefusal(verdicts: readonly Verdict[]): FeatureRefused | undefined {
  return refusalsOf(verdicts).find((refusal) => refusal !== undefined);
}
