import { sql } from 'drizzle-orm';
import { defaultFeatureFlags } from '../access/model.js';
import { findTenant } from '../access/queries.js';
import type { Reading, Work } from '../core/work.js';
import {
  byMeter,
  type Decision,
  type Draw,
  decideAll,
  type Entitlement,
  entitlementsOf,
  type Licensee,
  type Meter,
  metersOf,
  type Need,
} from './model.js';
import { licenseeOf, lockedUsageOf, meterRows, usageOf } from './queries.js';
import { featureUsage } from './table.js';

function metersNeeded(licensee: Licensee, needs: readonly Need[], reading: Reading): Meter[] {
  const metered = new Set(needs.filter((need) => need.amount > 0).map((need) => need.feature));
  return [...metered].flatMap((feature) => metersOf(licensee.drawable, feature, reading.now));
}

const featuresOf = (needs: readonly Need[]): string[] => [...new Set(needs.map((need) => need.feature))];

/** Asks, and charges nothing. */
export async function checkNeeds(reading: Reading, needs: readonly Need[]): Promise<Decision[]> {
  const licensee = await licenseeOf(reading, featuresOf(needs));
  const usage = await usageOf(reading, metersNeeded(licensee, needs, reading));
  return decideAll(licensee, needs, usage, reading.now);
}

/** Makes the counters that are not there yet, so that there is a row to lock; in the order in which they are locked. */
async function ensureCounters(work: Work, meters: readonly Meter[]): Promise<void> {
  if (meters.length === 0) return;
  await work.db.execute(sql`insert into ${featureUsage} (tenant_id, license_id, feature_id, window_start, updated_at)
    select ${work.tenantId}, license_id, feature_id, start::timestamptz, ${work.now}::timestamptz from ${meterRows(meters)}
    order by license_id, feature_id collate "C", start
    on conflict do nothing`);
}

/** Adds to counters that are locked, all in one statement. */
async function addUsage(work: Work, draws: readonly Draw[]): Promise<void> {
  if (draws.length === 0) return;
  const meters = draws.map((draw) => draw.meter);
  const amounts = draws.map((draw) => draw.amount);
  await work.db.execute(sql`update ${featureUsage}
    set used = greatest(0, ${featureUsage.used} + amount::bigint), updated_at = ${work.now}::timestamptz
    from ${meterRows(meters, amounts)}
    where ${featureUsage.tenantId} = ${work.tenantId} and ${featureUsage.licenseId} = meters.license_id
      and ${featureUsage.featureId} = meters.feature_id and ${featureUsage.windowStart} = start::timestamptz`);
}

/**
 * Charges all needs, or none if a metered one is refused. The counters are locked before they are read, so that no
 * unit more than the limit is granted, however many servers ask; the caller's transaction holds them until it ends.
 */
export async function chargeNeeds(work: Work, needs: readonly Need[]): Promise<Decision[]> {
  const licensee = await licenseeOf(work, featuresOf(needs));
  const meters = metersNeeded(licensee, needs, work);
  await ensureCounters(work, meters);
  const decisions = decideAll(licensee, needs, await lockedUsageOf(work, meters), work.now);
  if (decisions.some((decision) => !decision.granted && decision.metered)) return decisions;
  const draws = decisions.flatMap((decision) => (decision.granted ? decision.draws : []));
  await addUsage(work, byMeter(draws));
  return decisions;
}

/** Gives units back to the windows that they were drawn from. */
export async function refundDraws(work: Work, draws: readonly Draw[]): Promise<void> {
  const returned = byMeter(draws).map(({ meter, amount }) => ({ meter, amount: -amount }));
  const meters = returned.map((draw) => draw.meter);
  await lockedUsageOf(work, meters);
  await addUsage(work, returned);
}

/** What the caller's licenses grant, and what is left of it. */
export async function entitlements(reading: Reading): Promise<Entitlement[]> {
  const licensee = await licenseeOf(reading, []);
  const features = new Set(
    licensee.grants.flatMap((grant) => grant.features.map((feature) => feature.featureId)),
  );
  const meters = [...features].flatMap((feature) => metersOf(licensee.drawable, feature, reading.now));
  return entitlementsOf(licensee, await usageOf(reading, meters), reading.now);
}

export interface FeatureFlag {
  readonly name: string;
  readonly featureId: string;
  readonly enabled: boolean;
}

/** The host's settings: each is on while the caller has the feature that stands behind it; without a license all are off. */
export async function featureFlags(reading: Reading): Promise<FeatureFlag[]> {
  const tenant = await findTenant(reading.db, reading.tenantId);
  const chosen = tenant?.settings.featureFlags ?? defaultFeatureFlags;
  const flags = Object.entries(chosen).toSorted(([left], [right]) => (left < right ? -1 : 1));
  const needs = flags.map(([, feature]) => ({ feature, amount: 0 }));
  const decisions = await checkNeeds(reading, needs);
  return flags.map(([name, featureId], index) => ({
    name,
    featureId,
    enabled: decisions[index]?.granted ?? false,
  }));
}

export interface ApiAccess {
  readonly path: string;
  readonly tenantId: string;
  readonly quota: Entitlement | null;
}

export async function apiAccess(reading: Reading): Promise<ApiAccess> {
  const quota = (await entitlements(reading)).find((each) => each.featureId === 'api_access');
  return { path: '/graphql', tenantId: reading.tenantId, quota: quota ?? null };
}
