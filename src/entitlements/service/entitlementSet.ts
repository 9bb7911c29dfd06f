import { addMillis, type Instant, millis } from '../../core/clock.js';
import type { Sign } from '../../core/tokenTypes.js';
import type { Coalescing, Reading } from '../../core/work.js';
import type { Entitlement } from '../model/entitlement.js';
import type { NamedLicensee } from '../model/licensee.js';
import { licenseeOf } from '../queries/grants.js';
import { entitlements } from './entitlements.js';
import { licenseeNamed, readingFor } from './namedLicensee.js';

export interface EntitlementSet {
  readonly token: string;
  readonly expiresAt: Instant;
}

interface Signing {
  readonly sign: Sign;
  readonly lifeSeconds: number;
}

type Claims = Readonly<Record<string, unknown>>;

type Claimed = Omit<Entitlement, 'licenseIds' | 'grants' | 'topUps' | 'unlimited' | 'grantedUntil'>;

/**
 * Which licenses grant it is nobody's business who only decides by it, and no limit is no limit. It is gone by until grace
 * is over, as everything else.
 */
function claimed({
  licenseIds: _1,
  grants: _2,
  topUps: _3,
  unlimited: _4,
  grantedUntil,
  ...feature
}: Entitlement): Claimed {
  return { ...feature, expiresAt: grantedUntil };
}

async function claimsOf(
  reading: Reading,
  named: NamedLicensee | null | undefined,
): Promise<{ claims: Claims; until: Instant | null; now: Instant }> {
  const { scope, until } = await licenseeNamed(reading, named);
  const own = named === null || named === undefined ? reading : readingFor(reading, scope);
  const { licensed } = await licenseeOf(own, []);
  const features = await entitlements(own);
  const [kind = 'tenant', id = reading.tenantId] =
    Object.entries(scope).find(([, value]) => value !== undefined) ?? [];
  const claims = {
    sub: `${kind.replace(/Id$/, '')}:${id}`,
    tenant_id: reading.tenantId,
    licensed,
    features: features.map(claimed),
  };
  return { claims, until, now: reading.now };
}

/**
 * What a licensee may use at this moment, signed, for servers that decide on it by themselves until it ends. Whoever
 * waits for the first key to be made holds no connection.
 */
export async function entitlementSet(
  ctx: Pick<Coalescing, 'look'>,
  named: NamedLicensee | null | undefined,
  { sign, lifeSeconds }: Signing,
): Promise<EntitlementSet> {
  const { claims, until, now } = await ctx.look((reading) => claimsOf(reading, named));
  // An activation that is limited in time speaks for its license no longer than that.
  const rest = until === null ? lifeSeconds : Math.floor((millis(until) - millis(now)) / 1000);
  const seconds = Math.min(lifeSeconds, rest);
  return {
    token: await sign('entitlementSet', claims, seconds),
    expiresAt: addMillis(now, seconds * 1000),
  };
}
