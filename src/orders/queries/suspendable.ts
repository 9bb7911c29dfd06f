import { and, eq, exists, isNotNull, type SQL, sql } from 'drizzle-orm';
import { anyOf } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { statusSql } from '../../licenses/queries.js';
import { type License, licenses } from '../../licenses/table.js';
import { type Order, orderRenewals } from '../table.js';

function renewedByOrder(reading: Reading, order: Order): SQL {
  const rows = reading.db
    .select({ one: sql`1` })
    .from(orderRenewals)
    .where(
      and(
        eq(orderRenewals.tenantId, reading.tenantId),
        eq(orderRenewals.orderId, order.id),
        eq(orderRenewals.licenseId, licenses.id),
        isNotNull(orderRenewals.renewedAt),
      ),
    );
  return exists(rows);
}

/**
 * Licenses that an order made or renewed, whoever holds them by now, and that can be suspended: locked, in the order of
 * their ids, at most so many.
 */
export function lockSuspendable(reading: Reading, order: Order, most: number): Promise<License[]> {
  const generated = order.isRenewal ? renewedByOrder(reading, order) : eq(licenses.orderId, order.id);
  return reading.db
    .select()
    .from(licenses)
    .where(
      and(
        eq(licenses.tenantId, reading.tenantId),
        generated,
        anyOf(statusSql(reading.now), ['ACTIVE', 'INACTIVE', 'PENDING', 'EXPIRED']),
      ),
    )
    .orderBy(licenses.id)
    .limit(most)
    .for('no key update');
}
