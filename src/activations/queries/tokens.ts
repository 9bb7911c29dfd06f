import { and, eq, sql } from 'drizzle-orm';
import type { ActivationId, LicenseId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { ofLicenses } from '../queries.js';
import {
  type Activation,
  licenseActivations as activations,
  archivedActivations as archived,
  earlierTokens as earlier,
} from '../table.js';

/** An activation by one of its tokens, and whether a use of that one ends others, that were given before it. */
export interface ShownActivation {
  readonly activation: Activation;
  readonly endsOthers: boolean;
}

/** The activation of a token, current or earlier, among those of its license; it is its own proof. */
export async function activationShown(
  reading: Reading,
  licenseId: LicenseId,
  token: string,
): Promise<ShownActivation | undefined> {
  const hashes = reading.keys.hashes('ACTIVATION_TOKEN', token);
  const serves = sql`shown.tenant_id = ${reading.tenantId} and ${anyOf(sql`shown.token_hash`, hashes)}
    and shown.ends_at > ${reading.now}::timestamptz`;
  const named = sql`${activations.id} in (
    select given.id from ${activations} as given
      where given.tenant_id = ${reading.tenantId} and ${anyOf(sql`given.activation_token_hash`, hashes)}
    union all select shown.activation_id from ${earlier} as shown where ${serves})`;
  const endsOthers = sql<boolean>`exists (select 1 from ${earlier} as older
    where older.tenant_id = ${reading.tenantId} and older.activation_id = ${activations}.id
      and older.ends_at > ${reading.now}::timestamptz
      and older.place < coalesce((select shown.place from ${earlier} as shown where ${serves}), 2147483647))`;
  const [row] = await reading.db
    .select({ activation: activations, endsOthers })
    .from(activations)
    .where(and(ofLicenses(reading, undefined), eq(activations.licenseId, licenseId), named));
  return row ?? (await archivedShown(reading, licenseId, hashes));
}

/** Its token still says of an activation that it has ended, and not that there never was one. */
async function archivedShown(
  reading: Reading,
  licenseId: LicenseId,
  hashes: readonly string[],
): Promise<ShownActivation | undefined> {
  const named = and(eq(archived.licenseId, licenseId), anyOf(archived.activationTokenHash, hashes));
  const [activation] = await reading.db
    .select()
    .from(archived)
    .where(and(ofLicenses(reading, undefined, archived), named));
  return activation === undefined ? undefined : { activation, endsOthers: false };
}

/** The tokens of these activations that were given before the current one and still serve, the oldest first. */
export function tokensServing(reading: Reading, ids: readonly ActivationId[]) {
  return reading.db
    .select({
      tokenHash: earlier.tokenHash,
      activationId: earlier.activationId,
      place: earlier.place,
    })
    .from(earlier)
    .where(
      and(
        eq(earlier.tenantId, reading.tenantId),
        anyOf(earlier.activationId, ids),
        sql`${earlier.endsAt} > ${reading.now}::timestamptz`,
      ),
    )
    .orderBy(earlier.activationId, earlier.place);
}

export type ServingToken = Awaited<ReturnType<typeof tokensServing>>[number];

/** Which activation each of these tokens was given, of those that still serve beside a later one. */
export async function holdersOfEarlier(
  reading: Reading,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, ActivationId>> {
  const rows = await reading.db
    .select({ tokenHash: earlier.tokenHash, activationId: earlier.activationId })
    .from(earlier)
    .where(
      and(
        eq(earlier.tenantId, reading.tenantId),
        anyOf(earlier.tokenHash, hashes),
        sql`${earlier.endsAt} > ${reading.now}::timestamptz`,
      ),
    );
  return new Map(rows.map((row) => [row.tokenHash, row.activationId]));
}

export async function activationByToken(
  reading: Reading,
  licenseId: LicenseId,
  token: string,
): Promise<Activation | undefined> {
  return (await activationShown(reading, licenseId, token))?.activation;
}
