import { and, eq, gt, isNull, or, sql } from 'drizzle-orm';
import type { LicenseId, TopUpId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { featureTopUps } from '../table.js';

/** Why extra units were given. Nobody who draws them asks, so that it is not read with the others of their facts. */
export async function topUpReasons(
  reading: Reading,
  ids: readonly TopUpId[],
): Promise<ReadonlyMap<TopUpId, string>> {
  if (ids.length === 0) return new Map();
  const { id, reason, tenantId } = featureTopUps;
  const rows = await reading.db
    .select({ id, reason })
    .from(featureTopUps)
    .where(and(eq(tenantId, reading.tenantId), anyOf(id, ids)));
  return new Map(rows.map((row) => [row.id, row.reason]));
}

/** The extra units of a license's feature that have not ended, used ones too. */
export async function extraUnits(reading: Reading, license: LicenseId, feature: string): Promise<number> {
  const { amount, tenantId, licenseId, featureId, expiresAt } = featureTopUps;
  const [row] = await reading.db
    .select({ sum: sql<string>`coalesce(sum(${amount}), 0)` })
    .from(featureTopUps)
    .where(
      and(
        eq(tenantId, reading.tenantId),
        eq(licenseId, license),
        eq(featureId, feature),
        or(isNull(expiresAt), gt(expiresAt, reading.now)),
      ),
    );
  return Number(row?.sum);
}
