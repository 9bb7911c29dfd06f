import type { Instant } from '../../core/clock.js';
import type { FedEvent } from '../../core/event.js';
import { piped, type Stream } from '../../core/queue.js';
import type { Reading, Watch } from '../../core/work.js';
import { licenseOfEvent } from '../../licenses/service/licenseChanges.js';
import { activationsById } from '../queries.js';
import type { Activation } from '../table.js';

/** A change of an activation that the subscriber sees. */
export interface ActivationChange {
  readonly sequence: number;
  readonly type: string;
  readonly at: Instant;
  readonly activation: Activation;
}

/** The activation that an event speaks of, as the subscriber sees it and its license. */
async function changeOfEvent(reading: Reading, event: FedEvent): Promise<ActivationChange | undefined> {
  const { activationId, sequence, type, at } = event;
  if (activationId === null || (await licenseOfEvent(reading, event)) === undefined) return undefined;
  const activation = (await activationsById(reading, [activationId])).get(activationId);
  return activation === undefined ? undefined : { sequence, type, at, activation };
}

/** Every change of the activations that the subscriber sees, or of one license's, from now on. */
export async function activationChanges(
  watch: Watch,
  licenseId: string | null,
): Promise<Stream<ActivationChange>> {
  return piped(await watch.follow(), async (event) => {
    if (event.activationId === null || (licenseId !== null && licenseId !== event.licenseId))
      return undefined;
    return watch.askOfEvent(event, changeOfEvent);
  });
}
