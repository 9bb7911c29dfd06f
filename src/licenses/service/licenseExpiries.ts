import { Bell } from '../../core/bell.js';
import { addDays, DAY_MILLIS, type Instant, millis } from '../../core/clock.js';
import type { Stream } from '../../core/queue.js';
import type { Reading, Watch } from '../../core/work.js';
import { standingAt } from '../model.js';
import { EXPIRING_PAGE, type ExpiryPlace, licensesById, licensesExpiring, nextToExpire } from '../queries.js';
import type { License } from '../table.js';

export interface LicenseExpiry {
  readonly license: License;
  readonly expiryDate: Instant;
  readonly daysRemaining: number;
}

/** However far the next one is: clocks are set, and machines sleep. */
const LONGEST_WAIT_MILLIS = 60_000;
/** Changed licenses that a look reads at a time. */
const CHANGED_PAGE = 500;

/** What one snapshot tells: licenses to be judged at its instant, and when to look again. */
interface Look {
  readonly now: Instant;
  readonly licenses: readonly License[];
  readonly behind: ExpiryPlace;
  readonly waitMillis: number;
}

/** What is in the window now, so that it is told when it enters and not again while it stays. */
class Window {
  readonly #told = new Map<string, Instant>();

  constructor(private readonly days: number) {}

  /** The expiry, if it is one that has just entered. */
  taken(license: License, now: Instant): LicenseExpiry | undefined {
    const { id, expiryDate } = license;
    const ends = addDays(now, this.days);
    const isIn = expiryDate !== null && expiryDate > now && expiryDate <= ends;
    if (!isIn || standingAt(license, now).status !== 'ACTIVE') {
      this.#told.delete(id);
      return undefined;
    }
    if (this.#told.get(id) === expiryDate) return undefined;
    this.#told.set(id, expiryDate);
    const daysRemaining = Math.ceil((millis(expiryDate) - millis(now)) / DAY_MILLIS);
    return { license, expiryDate, daysRemaining };
  }

  /** Out of the caller's sight, and so out of its window. */
  drop(id: string): void {
    this.#told.delete(id);
  }

  /** Forgets what time has taken out of the window. */
  forget(now: Instant): void {
    for (const [id, expiryDate] of this.#told) if (expiryDate <= now) this.#told.delete(id);
  }
}

async function look(
  reading: Reading,
  withinDays: number,
  since: ExpiryPlace | undefined,
  changed: readonly string[],
): Promise<Look> {
  const { now } = reading;
  const entering = await licensesExpiring(reading, withinDays, since ?? { expiryDate: now, id: '' });
  const others = changed.length === 0 ? [] : (await licensesById(reading, changed)).values();
  const licenses = [...entering, ...others];
  const last = entering.at(-1);
  if (entering.length === EXPIRING_PAGE && last?.expiryDate)
    return { now, licenses, behind: { expiryDate: last.expiryDate, id: last.id }, waitMillis: 0 };
  const next = await nextToExpire(reading, withinDays);
  const wait = next === null ? LONGEST_WAIT_MILLIS : millis(next) - millis(addDays(now, withinDays));
  const end = addDays(now, withinDays);
  // A clock that was set back opens no window again that was looked through.
  const behind = since !== undefined && since.expiryDate > end ? since : { expiryDate: end, id: '' };
  return { now, licenses, behind, waitMillis: Math.min(LONGEST_WAIT_MILLIS, Math.max(1, wait)) };
}

/** Ids of licenses as events name them, and whether more will come. */
class Changes {
  readonly bell = new Bell();
  isOver = false;
  readonly #ids = new Set<string>();

  add(id: string): void {
    this.#ids.add(id);
    this.bell.ring();
  }

  end(): void {
    this.isOver = true;
    this.bell.ring();
  }

  take(): string[] {
    const some = [...this.#ids].slice(0, CHANGED_PAGE);
    for (const id of some) this.#ids.delete(id);
    if (this.#ids.size > 0) this.bell.ring();
    return some;
  }
}

async function* entered(watch: Watch, withinDays: number, changes: Changes): AsyncGenerator<LicenseExpiry> {
  const window = new Window(withinDays);
  let since: ExpiryPlace | undefined;
  while (!changes.isOver) {
    const changed = changes.take();
    const found = await watch.ask((reading) => look(reading, withinDays, since, changed));
    const seen = new Set<string>(found.licenses.map(({ id }) => id));
    for (const id of changed) if (!seen.has(id)) window.drop(id);
    for (const license of found.licenses) {
      const expiry = window.taken(license, found.now);
      if (expiry !== undefined) yield expiry;
    }
    window.forget(found.now);
    since = found.behind;
    if (found.waitMillis > 0) await changes.bell.wait(found.waitMillis);
  }
}

/**
 * What expires within so many days: first all that does now, then each at the instant at which it enters the window,
 * by time or by a change, once until it has left. What has changed is looked at by itself, however many changes came
 * meanwhile: a subscriber who reads slowly is told of what there is then, and nothing piles up for it.
 */
export async function licensesExpiringSoon(watch: Watch, withinDays: number): Promise<Stream<LicenseExpiry>> {
  const source = await watch.follow();
  const changes = new Changes();
  const listen = async (): Promise<void> => {
    for await (const { licenseId } of source) if (licenseId !== null) changes.add(licenseId);
  };
  listen().then(
    () => changes.end(),
    () => changes.end(),
  );
  const entering = entered(watch, withinDays, changes);
  const stream: Stream<LicenseExpiry> = {
    next: () => entering.next(),
    return: async () => {
      changes.end();
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
