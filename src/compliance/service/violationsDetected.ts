import type { Instant } from '../../core/clock.js';
import type { FedEvent } from '../../core/event.js';
import { piped, type Stream } from '../../core/queue.js';
import type { Reading, Watch } from '../../core/work.js';
import { violationsById } from '../queries/violations.js';
import type { ComplianceViolation } from '../table.js';

/** A violation that was detected and that the subscriber sees. */
export interface ViolationDetected {
  readonly sequence: number;
  readonly at: Instant;
  readonly violation: ComplianceViolation;
}

async function violationOfEvent(reading: Reading, event: FedEvent): Promise<ViolationDetected | undefined> {
  const { subjectId, sequence, at } = event;
  const violation = (await violationsById(reading, [subjectId])).get(subjectId);
  return violation === undefined ? undefined : { sequence, at, violation };
}

/** Every violation that is detected from now on, or those of one license. */
export async function violationsDetected(
  watch: Watch,
  licenseId: string | null,
): Promise<Stream<ViolationDetected>> {
  return piped(await watch.follow(), async (event) => {
    if (event.type !== 'violation.detected') return undefined;
    if (licenseId !== null && licenseId !== event.licenseId) return undefined;
    return watch.askOfEvent(event, violationOfEvent);
  });
}
