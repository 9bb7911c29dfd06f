import { type Actor, mayAct, requirePermission } from '../../core/actor.js';
import { Refusal } from '../../core/refusal.js';
import type { Reading } from '../../core/work.js';
import { type Entitlement, entitlementsOf, type RunningTopUp, withElsewhere } from '../model/entitlement.js';
import type { NamedLicensee } from '../model/licensee.js';
import { metersOf } from '../model/meter.js';
import { usageOf } from '../queries/counters.js';
import { drawableGrants, grantedElsewhere } from '../queries/grants.js';
import { topUpReasons } from '../queries/topUps.js';
import { licenseeNamed, readingFor } from './namedLicensee.js';

/** What licenses grant to the caller, and what is left of it; of customers' licenses staff has the features and no units. */
export async function entitlements(reading: Reading): Promise<Entitlement[]> {
  const drawable = await drawableGrants(reading);
  const features = new Set(drawable.flatMap((grant) => grant.features.map((feature) => feature.featureId)));
  const meters = [...features].flatMap((feature) => metersOf(drawable, feature, reading.now));
  const own = entitlementsOf(drawable, await usageOf(reading, meters), reading.now);
  return withElsewhere(own, await grantedElsewhere(reading));
}

export interface ToldTopUp extends RunningTopUp {
  readonly reason: string | null;
}

export interface ToldEntitlement extends Entitlement {
  readonly topUps: readonly ToldTopUp[];
}

/**
 * The same, with why extra units were given: in as many statements, however many licenses there are. The reason is written
 * for the audit trail, and may speak of one customer on a license that all of them draw from: who reads the trail is told.
 */
async function toldEntitlements(reading: Reading, asker: Actor): Promise<ToldEntitlement[]> {
  const found = await entitlements(reading);
  const topUps = mayAct(asker, 'event.read') ? found.flatMap((entitlement) => entitlement.topUps) : [];
  const reasons = await topUpReasons(
    reading,
    topUps.map(({ id }) => id),
  );
  return found.map((entitlement) => ({
    ...entitlement,
    topUps: entitlement.topUps.map((topUp) => ({ ...topUp, reason: reasons.get(topUp.id) ?? null })),
  }));
}

type Told = { readonly told: readonly ToldEntitlement[] } | { readonly refusal: Refusal };

/** An application is told of the license that it shows, and can ask for no other. */
function requireAsking(actor: Actor): void {
  if (actor.kind !== 'application') requirePermission(actor, 'entitlement.read');
}

async function entitlementsNamed(reading: Reading, named: NamedLicensee | null): Promise<Told> {
  try {
    // Nobody may be an application that shows what it is; whoever is known has to be let in before it shows anything.
    if (reading.actor.kind !== 'anonymous') requireAsking(reading.actor);
    const { scope } = await licenseeNamed(reading, named);
    requireAsking(reading.actor);
    const own = named === null ? reading : readingFor(reading, scope);
    return { told: await toldEntitlements(own, reading.actor) };
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error };
    throw error;
  }
}

/** The licensee under which a look is shared by all who ask for it in one operation. */
export function licenseeKey(named: NamedLicensee | null | undefined): string {
  return JSON.stringify(named ?? null);
}

/** What each of several licensees in the caller's reach may use; of one that is not, the refusal. */
export async function entitlementsByLicensee(
  reading: Reading,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Told>> {
  const found = new Map<string, Told>();
  for (const key of keys) found.set(key, await entitlementsNamed(reading, JSON.parse(key)));
  return found;
}

export function toldIn(found: Told | null): readonly ToldEntitlement[] {
  if (found === null) throw new Error('a licensee was left without an answer');
  if ('refusal' in found) throw found.refusal;
  return found.told;
}

export interface ApiAccess {
  readonly path: string;
  readonly tenantId: string;
  readonly quota: ToldEntitlement | null;
}

export function apiAccess(tenantId: string, own: readonly ToldEntitlement[]): ApiAccess {
  const quota = own.find((each) => each.featureId === 'api_access') ?? null;
  return { path: '/graphql', tenantId, quota };
}
