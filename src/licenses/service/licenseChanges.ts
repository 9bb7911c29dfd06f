import { scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { FedEvent } from '../../core/event.js';
import { piped, type Stream } from '../../core/queue.js';
import type { Reading, Watch } from '../../core/work.js';
import { licensesById } from '../queries.js';
import type { License } from '../table.js';

/** A change of a license that the subscriber sees. */
export interface LicenseChange {
  readonly sequence: number;
  readonly type: string;
  readonly at: Instant;
  readonly license: License;
}

const aboutLicense = (event: FedEvent): boolean => event.type.startsWith('license.');

/**
 * The license that an event speaks of, as the subscriber sees it. What happened before its customer held the license
 * is its earlier holder's, also when the word of it comes late.
 */
export async function licenseOfEvent(reading: Reading, event: FedEvent): Promise<License | undefined> {
  if (event.licenseId === null) return undefined;
  const license = (await licensesById(reading, [event.licenseId])).get(event.licenseId);
  const { customerId, licenseId: own } = scopeOf(reading.actor);
  const holds = customerId !== undefined || own !== undefined;
  return license !== undefined && holds && event.at < license.heldSince ? undefined : license;
}

async function changeOfEvent(reading: Reading, event: FedEvent): Promise<LicenseChange | undefined> {
  const license = await licenseOfEvent(reading, event);
  const { sequence, type, at } = event;
  return license === undefined ? undefined : { sequence, type, at, license };
}

/** Every change of the licenses that the subscriber sees, or of one of them, from now on. */
export async function licenseChanges(watch: Watch, only: string | null): Promise<Stream<LicenseChange>> {
  return piped(await watch.follow(), async (event) => {
    if (!aboutLicense(event) || (only !== null && only !== event.licenseId)) return undefined;
    return watch.askOfEvent(event, changeOfEvent);
  });
}
