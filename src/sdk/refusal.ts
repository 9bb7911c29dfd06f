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

/** The refusal of a use; undefined if it is granted. */
export function refusalOf(verdict: Verdict): FeatureRefused | undefined {
  const { granted, code, message, featureId, refusedFeatureId, limit, used, windowEndsAt } = verdict;
  if (granted) return undefined;
  const feature = refusedFeatureId ?? featureId;
  const counted = code === 'QUOTA_EXCEEDED' && feature === featureId ? { limit, used, windowEndsAt } : {};
  const details = code === 'NO_ACTIVE_LICENSE' ? {} : { feature, ...counted };
  return new FeatureRefused(code ?? 'NO_ACTIVE_LICENSE', message ?? '', details);
}
