import type { Instant } from '../../core/clock.js';
import type { FedEvent } from '../../core/event.js';
import { piped, type Stream } from '../../core/queue.js';
import type { Reading, Watch } from '../../core/work.js';

import { licensesOfOrder } from '../queries/progress.js';
import { ordersById } from '../queries.js';
import type { Order } from '../table.js';

/** How far an order is that the subscriber sees. */
export interface OrderProgress {
  readonly sequence: number;
  readonly type: string;
  readonly at: Instant;
  readonly order: Order;
  /** Derived from the licenses: nothing else is kept of it that could differ. */
  readonly licensesMade: number;
}

const aboutOrder = (event: FedEvent): boolean => event.type.startsWith('order.');

async function progressOfEvent(reading: Reading, event: FedEvent): Promise<OrderProgress | undefined> {
  const { subjectId, sequence, type, at } = event;
  const order = (await ordersById(reading, [subjectId])).get(subjectId);
  if (order === undefined) return undefined;
  return { sequence, type, at, order, licensesMade: await licensesOfOrder(reading, order.id) };
}

/** Every step of the orders that the subscriber sees, or of one of them, from now on. */
export async function orderProgress(watch: Watch, only: string | null): Promise<Stream<OrderProgress>> {
  return piped(await watch.follow(), async (event) => {
    if (!aboutOrder(event) || (only !== null && only !== event.subjectId)) return undefined;
    return watch.askOfEvent(event, progressOfEvent);
  });
}
