import type { Reading } from '../../core/work.js';
import { type Entitlement, entitlementsOf, withElsewhere } from '../model/entitlement.js';
import type { NamedLicensee } from '../model/licensee.js';
import { metersOf } from '../model/meter.js';
import { usageOf } from '../queries/counters.js';
import { drawableGrants, grantedElsewhere } from '../queries/grants.js';
import { licenseeNamed, readingFor } from './namedLicensee.js';

/** What licenses grant to the caller, and what is left of it; of customers' licenses staff has the features and no units. */
export async function entitlements(reading: Reading): Promise<Entitlement[]> {
  const drawable = await drawableGrants(reading);
  const features = new Set(drawable.flatMap((grant) => grant.features.map((feature) => feature.featureId)));
  const meters = [...features].flatMap((feature) => metersOf(drawable, feature, reading.now));
  const own = entitlementsOf(drawable, await usageOf(reading, meters), reading.now);
  return withElsewhere(own, await grantedElsewhere(reading));
}

/** The same of somebody in the caller's reach. */
export async function entitlementsFor(
  reading: Reading,
  named: NamedLicensee | null | undefined,
): Promise<Entitlement[]> {
  if (named === null || named === undefined) return entitlements(reading);
  const { scope } = await licenseeNamed(reading, named);
  return entitlements(readingFor(reading, scope));
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
