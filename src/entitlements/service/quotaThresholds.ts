import { eventsById } from '../../audit/queries/stream.js';
import type { FedEvent } from '../../core/event.js';
import { piped, type Stream } from '../../core/queue.js';
import type { Reading, Watch } from '../../core/work.js';
import { licenseOfEvent } from '../../licenses/service/licenseChanges.js';
import { type QuotaThreshold, thresholdOf } from '../model/ledger.js';

/** The threshold that an event tells of, if the subscriber sees its license. */
async function thresholdOfEvent(reading: Reading, event: FedEvent): Promise<QuotaThreshold | undefined> {
  const { id, licenseId, sequence, at } = event;
  if (licenseId === null || (await licenseOfEvent(reading, event)) === undefined) return undefined;
  const row = (await eventsById(reading, [id])).get(id);
  return row === undefined ? undefined : { sequence, at, licenseId, ...thresholdOf(row.eventData) };
}

/** Which thresholds a subscriber wants to hear of. */
export interface ThresholdFilter {
  readonly licenseId?: string | null | undefined;
  readonly featureId?: string | null | undefined;
}

/** Each threshold of a limit that use reaches from now on, on a license that the subscriber sees. */
export async function quotaThresholds(
  watch: Watch,
  { licenseId, featureId }: ThresholdFilter,
): Promise<Stream<QuotaThreshold>> {
  return piped(await watch.follow(), async (event) => {
    if (event.type !== 'quota.threshold_reached') return undefined;
    if (licenseId && licenseId !== event.licenseId) return undefined;
    const reached = await watch.askOfEvent(event, thresholdOfEvent);
    return featureId && reached?.featureId !== featureId ? undefined : reached;
  });
}
