import type { Instant } from '../../core/clock.js';
import type { LicenseId } from '../../core/id.js';
import type { LicenseFeature, LimitPeriod } from '../../templates/model.js';
import { enabledFeature, type Grant, inDrawOrder, metersOf, standingOf, type Usage } from './meter.js';

export interface Entitlement {
  readonly featureId: string;
  readonly featureName: string;
  readonly limit: number | null;
  readonly limitType: LicenseFeature['limitType'];
  readonly limitPeriod: LimitPeriod;
  readonly used: number;
  readonly left: number | null;
  readonly windowEndsAt: Instant | null;
  readonly expiresAt: Instant | null;
  readonly licenseIds: readonly LicenseId[];
}

function latest(ends: readonly (Instant | null)[]): Instant | null {
  return ends.includes(null) ? null : (ends.toSorted().at(-1) ?? null);
}

function earlier(left: Instant | null, right: Instant | null): Instant | null {
  if (left === null || right === null) return left ?? right;
  return left < right ? left : right;
}

function entitlement(grants: readonly Grant[], featureId: string, usage: Usage, now: Instant): Entitlement[] {
  const granting = inDrawOrder(grants).flatMap((grant) => {
    const feature = enabledFeature(grant, featureId, now);
    return feature === undefined ? [] : [{ grant, feature }];
  });
  const [first] = granting;
  if (first === undefined) return [];
  const { featureName, limitType, limitPeriod } = first.feature;
  const meters = metersOf(grants, featureId, now);
  return [
    {
      featureId,
      featureName,
      ...standingOf(meters, usage),
      limitType,
      limitPeriod,
      expiresAt: latest(granting.map(({ grant, feature }) => earlier(feature.expiresAt, grant.expiryDate))),
      licenseIds: granting.map(({ grant }) => grant.licenseId),
    },
  ];
}

/** A feature that only licenses grant from which the caller draws nothing. */
export interface GrantedElsewhere {
  readonly featureId: string;
  readonly featureName: string;
  readonly expiresAt: Instant | null;
}

function withoutUnits(granted: GrantedElsewhere): Entitlement {
  return {
    ...granted,
    limit: 0,
    limitType: null,
    limitPeriod: 'NONE',
    used: 0,
    left: 0,
    windowEndsAt: null,
    licenseIds: [],
  };
}

/** What the caller has by licenses that it draws from, together with what it has by others, by feature id. */
export function withElsewhere(
  own: readonly Entitlement[],
  elsewhere: readonly GrantedElsewhere[],
): Entitlement[] {
  const known = new Set(own.map((each) => each.featureId));
  const others = elsewhere.filter((granted) => !known.has(granted.featureId)).map(withoutUnits);
  return [...own, ...others].toSorted((left, right) => (left.featureId < right.featureId ? -1 : 1));
}

/** What the licensee has, by feature id. */
export function entitlementsOf(grants: readonly Grant[], usage: Usage, now: Instant): Entitlement[] {
  const ids = new Set(grants.flatMap((grant) => grant.features.map((feature) => feature.featureId)));
  return [...ids].toSorted().flatMap((id) => entitlement(grants, id, usage, now));
}
