/**
 * Entitlements own what licenses grant to a caller: features, limits, windows, and the units that are left.
 * A feature is granted if any granting license grants it; limits add up; consumption draws from the license that
 * expires first. `limitValue` null is unlimited, 0 is none at all.
 * They do not own the licenses, nor where a check is asked: that is the directive, in server/enforceFeatures.ts.
 */
import { Temporal } from 'temporal-polyfill';
import { DAY_MILLIS, EARLIEST, type Instant, instant, millis } from '../core/clock.js';
import type { CustomerId, LicenseId, ResellerId } from '../core/id.js';
import { Refusal } from '../core/refusal.js';
import type { LicenseFeature, LimitPeriod } from '../templates/model.js';

/** That a feature was used without a license for it is a fact too; what is granted and charged writes none. */
export const entitlementEvents = ['feature.refused'] as const;

/** A granting license, as far as entitlements look at it. */
export interface Grant {
  readonly licenseId: LicenseId;
  readonly customerId: CustomerId | null;
  readonly resellerId: ResellerId | null;
  readonly issuedDate: Instant;
  readonly expiryDate: Instant | null;
  readonly features: readonly LicenseFeature[];
}

export interface Window {
  readonly start: Instant;
  /** Null when the limit never starts afresh. */
  readonly end: Instant | null;
}

const FIXED_MILLIS = { HOUR: 3_600_000, DAY: DAY_MILLIS } as const;

/** The n-th turn is always counted from the anchor, so that a license of the 31st does not drift to the 28th. */
function calendarWindow(anchor: Instant, unit: 'months' | 'years', now: Instant): Window {
  const from = Temporal.Instant.from(anchor).toZonedDateTimeISO('UTC');
  const turn = (count: number): Instant => instant(from.add({ [unit]: count }).epochMilliseconds);
  const passed = from.until(Temporal.Instant.from(now).toZonedDateTimeISO('UTC'), { largestUnit: unit })[
    unit
  ];
  let count = Math.max(0, passed);
  while (turn(count + 1) <= now) count += 1;
  while (count > 0 && turn(count) > now) count -= 1;
  return { start: turn(count), end: turn(count + 1) };
}

/** The window of a limit at an instant, anchored at the license's issue date. */
export function windowAt(anchor: Instant, period: LimitPeriod, now: Instant): Window {
  if (period === 'NONE') return { start: EARLIEST, end: null };
  if (period === 'MONTH') return calendarWindow(anchor, 'months', now);
  if (period === 'YEAR') return calendarWindow(anchor, 'years', now);
  const length = FIXED_MILLIS[period];
  const passed = Math.max(0, Math.floor((millis(now) - millis(anchor)) / length));
  const start = millis(anchor) + passed * length;
  return { start: instant(start), end: instant(start + length) };
}

/** The counter that a feature of a license is charged to at an instant. */
export interface Meter {
  readonly licenseId: LicenseId;
  readonly featureId: string;
  readonly windowStart: Instant;
  readonly windowEnd: Instant | null;
  readonly limit: number | null;
}

export function meterName(meter: Pick<Meter, 'licenseId' | 'featureId' | 'windowStart'>): string {
  return `${meter.licenseId} ${meter.featureId} ${meter.windowStart}`;
}

export type Usage = ReadonlyMap<string, number>;

function enabledFeature(grant: Grant, featureId: string, now: Instant): LicenseFeature | undefined {
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

/** The order in which licenses are drawn from: the one that expires first in front, those without expiry behind. */
function inDrawOrder(grants: readonly Grant[]): Grant[] {
  const last = '~';
  const order = (grant: Grant): string => `${grant.expiryDate ?? last} ${grant.licenseId}`;
  return grants.toSorted((left, right) => (order(left) < order(right) ? -1 : 1));
}

/** The meters of a feature, in draw order. */
export function metersOf(grants: readonly Grant[], featureId: string, now: Instant): Meter[] {
  return inDrawOrder(grants).flatMap((grant) => {
    const feature = enabledFeature(grant, featureId, now);
    if (feature === undefined) return [];
    const window = windowAt(grant.issuedDate, feature.limitPeriod, now);
    const { licenseId } = grant;
    return [
      { licenseId, featureId, windowStart: window.start, windowEnd: window.end, limit: feature.limitValue },
    ];
  });
}

/** Several of the largest limits add up to the largest: what an answer carries stays a safe integer. */
function total(values: readonly number[]): number {
  const sum = values.reduce((all, value) => all + value, 0);
  return Math.min(Number.MAX_SAFE_INTEGER, sum);
}

const limitOf = (meters: readonly Meter[]): number => total(meters.map((meter) => meter.limit ?? 0));

function usedOf(meters: readonly Meter[], usage: Usage): number {
  return total(meters.map((meter) => usage.get(meterName(meter)) ?? 0));
}

/** The units left of one limited meter; one that was overdrawn takes nothing from the others. */
function leftOf(meter: Meter, usage: Usage): number {
  return Math.max(0, (meter.limit ?? 0) - (usage.get(meterName(meter)) ?? 0));
}

/** What is asked of a feature; an amount of 0 only asks whether it is granted. */
export interface Need {
  readonly feature: string;
  readonly amount: number;
  /** Where an operation asks it, response names joined by dots: what lies below a refused path will not run. */
  readonly path?: string;
}

/** Whose licenses are asked, and from which of them units are drawn. */
export interface Licensee {
  readonly drawable: readonly Grant[];
  /** Features that are known to be granted, whether or not a license that is drawable grants them. */
  readonly granted: ReadonlySet<string>;
  readonly licensed: boolean;
}

export interface Draw {
  readonly meter: Meter;
  readonly amount: number;
}

export type Decision =
  | { readonly granted: true; readonly draws: readonly Draw[] }
  /** If units were asked for that will be used, `metered`, nothing of the whole operation is charged. */
  | { readonly granted: false; readonly refusal: Refusal; readonly metered: boolean };

export function noActiveLicense(): Refusal {
  return new Refusal('NO_ACTIVE_LICENSE', 'No active license found for tenant');
}

export function featureNotLicensed(feature: string): Refusal {
  return new Refusal('FEATURE_NOT_LICENSED', `Feature '${feature}' not licensed`, { feature });
}

/** When the first window ends; null if none ever does. */
function firstEnd(meters: readonly Meter[]): Instant | null {
  return meters.flatMap((meter) => meter.windowEnd ?? []).toSorted()[0] ?? null;
}

function quotaExceeded(feature: string, meters: readonly Meter[], usage: Usage): Refusal {
  const used = usedOf(meters, usage);
  const limit = limitOf(meters);
  const details = { feature, limit, used, windowEndsAt: firstEnd(meters) };
  return new Refusal('QUOTA_EXCEEDED', `Feature quota exceeded: ${used}/${limit}`, details);
}

function drawn(meters: readonly Meter[], amount: number, usage: Usage): Draw[] | undefined {
  const draws: Draw[] = [];
  let missing = amount;
  for (const meter of meters) {
    if (missing === 0) break;
    const taken = meter.limit === null ? missing : Math.min(leftOf(meter, usage), missing);
    if (taken > 0) draws.push({ meter, amount: taken });
    missing -= taken;
  }
  return missing === 0 ? draws : undefined;
}

/** What a licensee has of one feature: looked for once, however many needs ask it. */
interface Holding {
  readonly granted: boolean;
  readonly meters: readonly Meter[];
}

function holdingOf(licensee: Licensee, feature: string, now: Instant): Holding {
  const meters = metersOf(licensee.drawable, feature, now);
  return { granted: meters.length > 0 || licensee.granted.has(feature), meters };
}

/**
 * The three conditions of the directive, in their order. `spent` is the usage with what earlier needs of the same
 * operation have drawn; a refusal tells the usage itself, because nothing of them is charged then.
 */
function decideHeld(
  licensed: boolean,
  { feature, amount }: Need,
  { granted, meters }: Holding,
  usage: Usage,
  spent: Usage,
): Decision {
  const metered = amount > 0;
  if (!licensed) return { granted: false, refusal: noActiveLicense(), metered };
  if (!granted) return { granted: false, refusal: featureNotLicensed(feature), metered };
  if (!metered) return { granted: true, draws: [] };
  const draws = drawn(meters, amount, spent);
  return draws === undefined
    ? { granted: false, refusal: quotaExceeded(feature, meters, usage), metered }
    : { granted: true, draws };
}

/** Decides one need by itself. */
export function decide(licensee: Licensee, need: Need, usage: Usage, now: Instant): Decision {
  return decideHeld(licensee.licensed, need, holdingOf(licensee, need.feature, now), usage, usage);
}

function addDraws(usage: Map<string, number>, draws: readonly Draw[]): void {
  for (const { meter, amount } of draws) {
    const name = meterName(meter);
    usage.set(name, (usage.get(name) ?? 0) + amount);
  }
}

/** Usage after draws, so that several needs of one operation see each other. */
export function usageAfter(usage: Usage, draws: readonly Draw[]): Usage {
  const next = new Map(usage);
  addDraws(next, draws);
  return next;
}

/** The refusal of the path that one stands below, if there is one: asked for each of its parents, the root first. */
function refusalAbove(path: string, closed: ReadonlyMap<string, Refusal>): Refusal | undefined {
  for (let end = path.indexOf('.'); end !== -1; end = path.indexOf('.', end + 1)) {
    const refusal = closed.get(path.slice(0, end));
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/**
 * Decides needs in their order, those above before those below; each sees what those before it have drawn. What lies
 * below a path that is refused without units needs none: it answers that refusal.
 */
export function decideAll(
  licensee: Licensee,
  needs: readonly Need[],
  usage: Usage,
  now: Instant,
): Decision[] {
  const spent = new Map(usage);
  const closed = new Map<string, Refusal>();
  const holdings = new Map<string, Holding>();
  return needs.map((need) => {
    const above = need.path === undefined ? undefined : refusalAbove(need.path, closed);
    if (above !== undefined) return { granted: false, refusal: above, metered: false };
    const holding = holdings.get(need.feature) ?? holdingOf(licensee, need.feature, now);
    holdings.set(need.feature, holding);
    const decision = decideHeld(licensee.licensed, need, holding, usage, spent);
    if (decision.granted) addDraws(spent, decision.draws);
    else if (!decision.metered && need.path !== undefined) closed.set(need.path, decision.refusal);
    return decision;
  });
}

/** One draw a meter, however many needs drew from it. */
export function byMeter(draws: readonly Draw[]): Draw[] {
  const sums = new Map<string, Draw>();
  for (const { meter, amount } of draws) {
    const name = meterName(meter);
    sums.set(name, { meter, amount: amount + (sums.get(name)?.amount ?? 0) });
  }
  return [...sums.values()];
}

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
  const unlimited = meters.some((meter) => meter.limit === null);
  return [
    {
      featureId,
      featureName,
      limit: unlimited ? null : limitOf(meters),
      limitType,
      limitPeriod,
      used: usedOf(meters, usage),
      left: unlimited ? null : total(meters.map((meter) => leftOf(meter, usage))),
      windowEndsAt: firstEnd(meters),
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
