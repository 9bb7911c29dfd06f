import { and, count, eq } from 'drizzle-orm';
import type { Reading } from '../../core/work.js';
import { licenses } from '../../licenses/table.js';
import type { Order } from '../table.js';

/** How many licenses an order has made, whoever holds them by now. */
export async function licensesOfOrder(reading: Reading, orderId: Order['id']): Promise<number> {
  const ofOrder = and(eq(licenses.tenantId, reading.tenantId), eq(licenses.orderId, orderId));
  const [row] = await reading.db.select({ made: count() }).from(licenses).where(ofOrder);
  return row?.made ?? 0;
}
