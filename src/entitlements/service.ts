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
  meterName,
  metersOf,
  type Need,
  type Usage,
  withElsewhere,
} from './model.js';
import {
  drawableGrants,
  grantedElsewhere,
  licenseeOf,
  lockedUsageOf,
  meterRows,
  usageOf,
} from './queries.js';
import { featureUsage } from './table.js';

function metersNeeded(licensee: Licensee, needs: readonly Need[], reading: Reading): Meter[] {
  const metered = new Set(needs.filter((need) => need.amount > 0).map((need) => need.feature));
  return [...metered].flatMap((feature) => metersOf(licensee.drawable, feature, reading.now));
}

/** Asks, and charges nothing. */
export async function checkNeeds(reading: Reading, needs: readonly Need[]): Promise<Decision[]> {
  const licensee = await licenseeOf(reading, needs);
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

const drawsOf = (decisions: readonly Decision[]): Draw[] =>
  byMeter(decisions.flatMap((decision) => (decision.granted ? decision.draws : [])));

const refusesUnits = (decisions: readonly Decision[]): boolean =>
  decisions.some((decision) => !decision.granted && decision.metered);

async function lockCounters(work: Work, meters: readonly Meter[]): Promise<Usage> {
  await ensureCounters(work, meters);
  return lockedUsageOf(work, meters);
}

/** How often a charge looks for counters that suffice before it locks all that there are. */
const LOOKS = 3;

/**
 * Charges the few counters from which units will be drawn, as it seems without locks. If they turn out not to suffice
 * once they are locked, all locks are given back before others are taken, so that nobody who holds one waits for one that
 * comes before it. Undefined when others were always quicker; a refusal is told as one look saw it.
 */
async function chargeFew(
  work: Work,
  meters: readonly Meter[],
  decideBy: (usage: Usage) => Decision[],
): Promise<Decision[] | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const seen = await usageOf(work, meters);
    const expected = decideBy(seen);
    if (refusesUnits(expected)) return expected;
    const chosen = drawsOf(expected).map((draw) => draw.meter);
    await work.db.execute(sql`savepoint few_counters`);
    const locked = await lockCounters(work, chosen);
    const decisions = decideBy(new Map([...seen, ...locked]));
    const draws = drawsOf(decisions);
    if (!refusesUnits(decisions) && draws.every(({ meter }) => locked.has(meterName(meter)))) {
      await addUsage(work, draws);
      return decisions;
    }
    await work.db.execute(sql`rollback to savepoint few_counters`);
  }
  return undefined;
}

/**
 * Charges all needs, or none if a metered one is refused. A counter is locked before what it says is relied on, so that
 * no unit more than the limit is granted, however many servers ask; the caller's transaction holds it until it ends.
 */
export async function chargeNeeds(work: Work, needs: readonly Need[]): Promise<Decision[]> {
  const licensee = await licenseeOf(work, needs);
  const meters = metersNeeded(licensee, needs, work);
  const decideBy = (usage: Usage): Decision[] => decideAll(licensee, needs, usage, work.now);
  const several = new Set(meters.map((meter) => meter.featureId)).size < meters.length;
  const few = several ? await chargeFew(work, meters, decideBy) : undefined;
  if (few !== undefined) return few;
  const decisions = decideBy(await lockCounters(work, meters));
  if (!refusesUnits(decisions)) await addUsage(work, drawsOf(decisions));
  return decisions;
}

/** Gives units back to the windows that they were drawn from. */
export async function refundDraws(work: Work, draws: readonly Draw[]): Promise<void> {
  const returned = byMeter(draws).map(({ meter, amount }) => ({ meter, amount: -amount }));
  const meters = returned.map((draw) => draw.meter);
  await lockedUsageOf(work, meters);
  await addUsage(work, returned);
}

/** What licenses grant to the caller, and what is left of it; of customers' licenses staff has the features and no units. */
export async function entitlements(reading: Reading): Promise<Entitlement[]> {
  const drawable = await drawableGrants(reading);
  const features = new Set(drawable.flatMap((grant) => grant.features.map((feature) => feature.featureId)));
  const meters = [...features].flatMap((feature) => metersOf(drawable, feature, reading.now));
  const own = entitlementsOf(drawable, await usageOf(reading, meters), reading.now);
  return withElsewhere(own, await grantedElsewhere(reading));
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
