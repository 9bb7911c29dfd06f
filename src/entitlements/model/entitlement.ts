import type { Instant } from '../../core/clock.js';
import type { LicenseId, TopUpId } from '../../core/id.js';
import type { LicenseFeature, LimitPeriod, Overage } from '../../templates/model.js';
import {
  enabledFeature,
  type Grant,
  inDrawOrder,
  type Meter,
  metersOf,
  ownMeter,
  standingOf,
  type TopUp,
  type Usage,
} from './meter.js';

/** What one license grants of a feature, and what is left of it. */
export interface LicenseGrant {
  readonly licenseId: LicenseId;
  readonly limit: number | null;
  readonly limitType: LicenseFeature['limitType'];
  readonly limitPeriod: LimitPeriod;
  readonly overage: Overage;
  readonly used: number;
  readonly left: number | null;
  readonly windowStartsAt: Instant | null;
  readonly windowEndsAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** When its grace ends; null while it runs, for only then is it in grace. */
  readonly graceEndsAt: Instant | null;
}

/** Extra units of a feature that can still be drawn, or were drawn and have not ended. */
export interface RunningTopUp {
  readonly id: TopUpId;
  readonly licenseId: LicenseId;
  readonly amount: number;
  readonly used: number;
  readonly left: number;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | null;
}

export interface Entitlement {
  readonly featureId: string;
  readonly featureName: string;
  readonly unlimited: boolean;
  readonly limit: number | null;
  readonly limitType: LicenseFeature['limitType'];
  readonly limitPeriod: LimitPeriod;
  readonly used: number;
  readonly left: number | null;
  readonly windowEndsAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** How long it is granted if nobody renews a license, grace included; null is for good. */
  readonly grantedUntil: Instant | null;
  readonly licenseIds: readonly LicenseId[];
  readonly grants: readonly LicenseGrant[];
  readonly topUps: readonly RunningTopUp[];
}

function latest(ends: readonly (Instant | null)[]): Instant | null {
  return ends.includes(null) ? null : (ends.toSorted().at(-1) ?? null);
}

function earlier(left: Instant | null, right: Instant | null): Instant | null {
  if (left === null || right === null) return left ?? right;
  return left < right ? left : right;
}

interface Granting {
  readonly grant: Grant;
  readonly feature: LicenseFeature;
}

const endOf = ({ grant, feature }: Granting): Instant | null => earlier(feature.expiresAt, grant.expiryDate);

function licenseGrant(granting: Granting, usage: Usage, now: Instant): LicenseGrant {
  const { grant, feature } = granting;
  const { licenseId, expiryDate, endsAt } = grant;
  const meter = ownMeter(licenseId, grant.issuedDate, feature, now);
  const { limit, used, left, windowEndsAt } = standingOf([meter], usage);
  const { limitType, limitPeriod, overage } = feature;
  return {
    licenseId,
    ...{ limit, limitType, limitPeriod, overage, used, left },
    windowStartsAt: windowEndsAt === null ? null : meter.windowStart,
    windowEndsAt,
    expiresAt: endOf(granting),
    graceEndsAt: expiryDate !== null && expiryDate <= now ? endsAt : null,
  };
}

function runningTopUp(meter: Meter, topUps: ReadonlyMap<string, TopUp>, usage: Usage): RunningTopUp[] {
  const topUp = topUps.get(meter.source);
  if (topUp === undefined) return [];
  const { id, licenseId, amount, createdAt, expiresAt } = topUp;
  const { used, left } = standingOf([meter], usage);
  return [{ id, licenseId, amount, used, left: left ?? 0, createdAt, expiresAt }];
}

function entitlement(grants: readonly Grant[], featureId: string, usage: Usage, now: Instant): Entitlement[] {
  const granting = inDrawOrder(grants).flatMap((grant): Granting[] => {
    const feature = enabledFeature(grant, featureId, now);
    return feature === undefined ? [] : [{ grant, feature }];
  });
  const [first] = granting;
  if (first === undefined) return [];
  const { featureName, limitType, limitPeriod } = first.feature;
  const meters = metersOf(grants, featureId, now);
  const topUps = new Map(
    granting.flatMap(({ grant }) => grant.topUps.map((topUp) => [topUp.id as string, topUp] as const)),
  );
  const standing = standingOf(meters, usage);
  return [
    {
      featureId,
      featureName,
      unlimited: standing.limit === null,
      ...standing,
      limitType,
      limitPeriod,
      expiresAt: latest(granting.map(endOf)),
      grantedUntil: latest(granting.map(({ grant, feature }) => earlier(feature.expiresAt, grant.endsAt))),
      licenseIds: granting.map(({ grant }) => grant.licenseId),
      grants: granting.map((each) => licenseGrant(each, usage, now)),
      topUps: meters.flatMap((meter) => runningTopUp(meter, topUps, usage)),
    },
  ];
}

/** A feature that only licenses grant from which the caller draws nothing. */
export interface GrantedElsewhere {
  readonly featureId: string;
  readonly featureName: string;
  readonly expiresAt: Instant | null;
  readonly grantedUntil: Instant | null;
}

function withoutUnits(granted: GrantedElsewhere): Entitlement {
  return {
    ...granted,
    unlimited: false,
    limit: 0,
    limitType: null,
    limitPeriod: 'NONE',
    used: 0,
    left: 0,
    windowEndsAt: null,
    licenseIds: [],
    grants: [],
    topUps: [],
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
