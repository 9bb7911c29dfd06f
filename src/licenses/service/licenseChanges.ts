import { DAY_MILLIS, type Instant, millis } from '../../core/clock.js';
import type { FedEvent } from '../../core/event.js';
import { piped, Queue, type Stream } from '../../core/queue.js';
import type { Watch } from '../../core/work.js';
import { licensesById, licensesExpiring, nextToExpire } from '../queries.js';
import type { License } from '../table.js';

/** A change of a license that the subscriber sees. */
export interface LicenseChange {
  readonly sequence: number;
  readonly type: string;
  readonly at: Instant;
  readonly license: License;
}

const aboutLicense = (event: FedEvent): boolean => event.type.startsWith('license.');

/** Every change of the licenses that the subscriber sees, or of one of them, from now on. */
export async function licenseChanges(watch: Watch, only: string | null): Promise<Stream<LicenseChange>> {
  return piped(await watch.follow(), async (event) => {
    const { licenseId, sequence, type, at } = event;
    if (licenseId === null || !aboutLicense(event) || (only !== null && only !== licenseId)) return undefined;
    const license = (await watch.ask((reading) => licensesById(reading, [licenseId]))).get(licenseId);
    return license === undefined ? undefined : { sequence, type, at, license };
  });
}

export interface LicenseExpiry {
  readonly license: License;
  readonly expiryDate: Instant;
  readonly daysRemaining: number;
}

function expiryOf(license: License, now: Instant): LicenseExpiry[] {
  const { expiryDate } = license;
  if (expiryDate === null) return [];
  return [{ license, expiryDate, daysRemaining: Math.ceil((millis(expiryDate) - millis(now)) / DAY_MILLIS) }];
}

/** However far the next one is: clocks are set, and a timer of Node ends at 24 days. */
const LONGEST_WAIT_MILLIS = 3_600_000;

interface Look {
  readonly found: readonly LicenseExpiry[];
  readonly waitMillis: number;
}

function look(watch: Watch, withinDays: number): Promise<Look> {
  return watch.ask(async (reading) => {
    const licenses = await licensesExpiring(reading, withinDays);
    const next = await nextToExpire(reading, withinDays);
    const wait =
      next === null ? LONGEST_WAIT_MILLIS : millis(next) - withinDays * DAY_MILLIS - millis(reading.now);
    const found = licenses.flatMap((license) => expiryOf(license, reading.now));
    return { found, waitMillis: Math.min(LONGEST_WAIT_MILLIS, Math.max(1, wait)) };
  });
}

/**
 * What expires within so many days: first all that does now, then each at the instant at which it enters the window,
 * once for each expiry date. A renewal takes a license out, and lets it come again.
 */
export async function licensesExpiringSoon(watch: Watch, withinDays: number): Promise<Queue<LicenseExpiry>> {
  const told = new Map<string, Instant>();
  const source = await watch.follow();
  let timer: NodeJS.Timeout | undefined;
  const target = new Queue<LicenseExpiry>(() => {
    clearTimeout(timer);
    void source.return?.();
  });
  const tell = async (): Promise<void> => {
    const { found, waitMillis } = await look(watch, withinDays);
    for (const expiry of found) {
      if (told.get(expiry.license.id) !== expiry.expiryDate) target.push(expiry);
      told.set(expiry.license.id, expiry.expiryDate);
    }
    clearTimeout(timer);
    timer = setTimeout(() => void tell().catch((error: unknown) => target.fail(error)), waitMillis).unref();
  };
  const pump = async (): Promise<void> => {
    await tell();
    for await (const event of source) if (aboutLicense(event)) await tell();
  };
  pump().then(
    () => target.end(),
    (error: unknown) => target.fail(error),
  );
  return target;
}
