/**
 * Entitlements own what licenses grant to a caller: features, limits, windows, and the units that are left.
 * A feature is granted if any granting license grants it; limits add up; consumption draws from the license that
 * expires first. `limitValue` null is unlimited, 0 is none at all. A top-up is a meter of its own behind its license's.
 * They do not own the licenses, nor where a check is asked: that is the directive, in src/sdk/directive.
 */
import type { Instant } from '../../core/clock.js';
import type { CustomerId, LicenseId, ResellerId, TopUpId } from '../../core/id.js';
import type { LicenseFeature, Overage } from '../../templates/model.js';
import { windowAt } from './window.js';

/** Extra units of a feature of a license, given by hand. */
export interface TopUp {
  readonly id: TopUpId;
  readonly licenseId: LicenseId;
  readonly featureId: string;
  readonly amount: number;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | null;
}

/** A granting license, as far as entitlements look at it. */
export interface Grant {
  readonly licenseId: LicenseId;
  readonly customerId: CustomerId | null;
  readonly resellerId: ResellerId | null;
  readonly issuedDate: Instant;
  readonly expiryDate: Instant | null;
  /** When its grace ends, and with it all that it grants. */
  readonly endsAt: Instant | null;
  readonly features: readonly LicenseFeature[];
  /** Those that may still run; none where nobody asked for units. */
  readonly topUps: readonly TopUp[];
}

/** The counter that a feature of a license, or a top-up of it, is charged to at an instant. */
export interface Meter {
  /** Its `meterName`, made once: thousands of callers a second ask for the same meter. */
  readonly name: string;
  readonly licenseId: LicenseId;
  readonly featureId: string;
  /** The top-up that is drawn from; empty for the limit of the license itself. */
  readonly source: TopUpId | '';
  readonly windowStart: Instant;
  readonly windowEnd: Instant | null;
  readonly limit: number | null;
  readonly overage: Overage;
}

export type MeterKey = Pick<Meter, 'licenseId' | 'featureId' | 'source' | 'windowStart'>;

export function meterName(meter: MeterKey): string {
  return `${meter.licenseId} ${meter.featureId} ${meter.windowStart} ${meter.source}`;
}

export function meterOf(parts: Omit<Meter, 'name'>): Meter {
  return { name: meterName(parts), ...parts };
}

/** The units used of each meter, by its name. */
export type Usage = Pick<ReadonlyMap<string, number>, 'get'>;

export function enabledFeature(grant: Grant, featureId: string, now: Instant): LicenseFeature | undefined {
  return grant.features.find(
    (feature) =>
      feature.featureId === featureId &&
      feature.enabled &&
      (feature.expiresAt === null || feature.expiresAt > now),
  );
}

export function grantsFeature(grants: readonly Grant[], featureId: string, now: Instant): boolean {
  return grants.some((grant) => enabledFeature(grant, featureId, now) !== undefined);
}

/** What expires first is drawn from first, what never does last. */
function drawOrder(end: Instant | null, id: string): string {
  const last = '~';
  return `${end ?? last} ${id}`;
}

/** The order in which licenses are drawn from. */
export function inDrawOrder(grants: readonly Grant[]): Grant[] {
  const order = (grant: Grant): string => drawOrder(grant.expiryDate, grant.licenseId);
  return grants.toSorted((left, right) => (order(left) < order(right) ? -1 : 1));
}

function topUpsOf(grant: Grant, featureId: string, now: Instant): Meter[] {
  const { licenseId } = grant;
  return grant.topUps
    .filter((topUp) => topUp.featureId === featureId && (topUp.expiresAt === null || topUp.expiresAt > now))
    .toSorted((left, right) =>
      drawOrder(left.expiresAt, left.id) < drawOrder(right.expiresAt, right.id) ? -1 : 1,
    )
    .map(({ id, amount, createdAt, expiresAt }) =>
      meterOf({
        licenseId,
        featureId,
        source: id,
        windowStart: createdAt,
        windowEnd: expiresAt,
        limit: amount,
        overage: 'DENY',
      }),
    );
}

/** The meter of a license's own limit in its running window. */
export function ownMeter(
  licenseId: LicenseId,
  anchor: Instant,
  feature: LicenseFeature,
  now: Instant,
): Meter {
  const window = windowAt(anchor, feature.limitPeriod, now);
  return meterOf({
    licenseId,
    featureId: feature.featureId,
    source: '',
    windowStart: window.start,
    windowEnd: window.end,
    limit: feature.limitValue,
    overage: feature.overage,
  });
}

/** The meters of a feature, in draw order: the limit of each license, and behind it what was given on top. */
export function metersOf(grants: readonly Grant[], featureId: string, now: Instant): Meter[] {
  return inDrawOrder(grants).flatMap((grant): Meter[] => {
    const feature = enabledFeature(grant, featureId, now);
    if (feature === undefined) return [];
    const own = ownMeter(grant.licenseId, grant.issuedDate, feature, now);
    return [own, ...(feature.limitValue === null ? [] : topUpsOf(grant, featureId, now))];
  });
}

/** Several of the largest limits add up to the largest: what an answer carries stays a safe integer. */
export function total(values: readonly number[]): number {
  const sum = values.reduce((all, value) => all + value, 0);
  return Math.min(Number.MAX_SAFE_INTEGER, sum);
}

export const limitOf = (meters: readonly Meter[]): number => total(meters.map((meter) => meter.limit ?? 0));

export function usedOf(meters: readonly Meter[], usage: Usage): number {
  return total(meters.map((meter) => usage.get(meter.name) ?? 0));
}

/** The units left of one limited meter; one that was overdrawn takes nothing from the others. */
export function leftOf(meter: Meter, usage: Usage): number {
  return Math.max(0, (meter.limit ?? 0) - (usage.get(meter.name) ?? 0));
}

/** When the first window ends; null if none ever does. */
export function firstEnd(meters: readonly Meter[]): Instant | null {
  return meters.flatMap((meter) => meter.windowEnd ?? []).toSorted()[0] ?? null;
}

/** What stands on the meters of a feature, added up. */
export interface Standing {
  readonly limit: number | null;
  readonly used: number;
  readonly left: number | null;
  readonly windowEndsAt: Instant | null;
}

export function standingOf(meters: readonly Meter[], usage: Usage): Standing {
  const unlimited = meters.some((meter) => meter.limit === null);
  return {
    limit: unlimited ? null : limitOf(meters),
    used: usedOf(meters, usage),
    left: unlimited ? null : total(meters.map((meter) => leftOf(meter, usage))),
    windowEndsAt: firstEnd(meters),
  };
}
