import { and, eq } from 'drizzle-orm';
import { customers, resellers, tenants } from '../../access/table.js';
import type { Work } from '../../core/work.js';
import { insertLicenses } from '../../licenses/service/newLicense.js';
import { licensesOfOrder } from '../queries/progress.js';
import type { Order } from '../table.js';
import { orderedLicense } from './orderedLicense.js';

/** How far an order is with its licenses: so many in all by now, and so many to go. */
export interface Making {
  readonly made: number;
  readonly left: number;
}

/** To whom licenses of an order are issued, whoever acts: the buyer, else the reseller who buys for others, else the tenant. */
async function holderOf({ db, tenantId }: Work, { customerId, resellerId }: Order): Promise<string> {
  const [row] =
    customerId !== null
      ? await db
          .select({ name: customers.name })
          .from(customers)
          .where(and(eq(customers.tenantId, tenantId), eq(customers.id, customerId)))
      : resellerId !== null
        ? await db
            .select({ name: resellers.name })
            .from(resellers)
            .where(and(eq(resellers.tenantId, tenantId), eq(resellers.id, resellerId)))
        : await db.select({ name: tenants.name }).from(tenants).where(eq(tenants.id, tenantId));
  if (row === undefined) throw new Error('an order names nobody who is there');
  return row.name;
}

/**
 * Makes what an order lacks of its licenses, at most so many of them. Whoever asks holds the order's lock, so that of any
 * number who ask at once none makes one too many: what is counted are the licenses themselves, whoever holds them by now.
 */
export async function makeLicenses(work: Work, order: Order, most: number): Promise<Making> {
  if (order.isRenewal) throw new Error('an order that renews licenses makes none');
  const before = await licensesOfOrder(work, order.id);
  const count = Math.max(0, Math.min(most, order.quantity - before));
  if (count > 0) {
    const license = orderedLicense(order, await holderOf(work, order), work.now);
    const all = Array.from({ length: count }, () => license);
    await insertLicenses(work, all, { cause: { order_id: order.id } });
  }
  return { made: before + count, left: Math.max(0, order.quantity - before - count) };
}
