import { z } from 'zod';
import type { OrderId, TenantId } from '../../core/id.js';
import type { Job } from '../../core/job.js';
import { SUSPEND_ORDERED, suspendMore } from '../service/suspendOrdered.js';

interface SuspendPayload {
  readonly tenantId: TenantId;
  readonly orderId: OrderId;
}

const suspendPayload = z.object({ tenantId: z.string(), orderId: z.string() });

/**
 * Suspends, chunk by chunk, what is left of a large order that was paid back or cancelled. Run again it finds what is not
 * suspended yet, and nothing else.
 */
export const suspendOrders: Job<SuspendPayload> = {
  name: SUSPEND_ORDERED,
  parse: (payload) => {
    const { tenantId, orderId } = suspendPayload.parse(payload);
    return { tenantId: tenantId as TenantId, orderId: orderId as OrderId };
  },
  run: async (context, { tenantId, orderId }) => {
    do context.signal.throwIfAborted();
    while (await context.act(tenantId, (work) => suspendMore(work, orderId)));
    return undefined;
  },
};
