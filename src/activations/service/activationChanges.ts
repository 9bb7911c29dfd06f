import type { Instant } from '../../core/clock.js';
import { piped, type Stream } from '../../core/queue.js';
import type { Watch } from '../../core/work.js';
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

/** Every change of the activations that the subscriber sees, or of one license's, from now on. */
export async function activationChanges(
  watch: Watch,
  licenseId: string | null,
): Promise<Stream<ActivationChange>> {
  return piped(await watch.follow(), async ({ activationId, sequence, type, at, ...event }) => {
    const { licenseId: about } = event;
    if (activationId === null || about === null || (licenseId !== null && licenseId !== about))
      return undefined;
    const activation = await watch.ask(async (reading) => {
      if ((await licenseOfEvent(reading, about, at)) === undefined) return undefined;
      return (await activationsById(reading, [activationId])).get(activationId);
    });
    return activation === undefined ? undefined : { sequence, type, at, activation };
  });
}
