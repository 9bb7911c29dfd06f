import { Bell } from '../../core/bell.js';
import { addDays, addMillis, DAY_MILLIS, type Instant, millis } from '../../core/clock.js';
import type { Stream } from '../../core/queue.js';
import type { Followed, Reading, Watch } from '../../core/work.js';
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

/**
 * How far before its end a look into the window begins for who has seen it whole: all of them begin at the same place, so
 * that one look is enough, and each was looking there less than `LONGEST_WAIT_MILLIS` ago.
 */
const OVERLAP_MILLIS = 2 * LONGEST_WAIT_MILLIS;

/** A license as a look has judged it; one object for all who share the look, by which its answer is known again. */
interface Judged {
  readonly id: string;
  readonly expiry: LicenseExpiry | undefined;
}

/** What one snapshot tells. */
interface Look {
  readonly now: Instant;
  readonly judged: readonly Judged[];
  readonly from: ExpiryPlace;
  /** Where the next page begins, if there is one. */
  readonly behind: ExpiryPlace | undefined;
  /** When the next license enters the window. */
  readonly next: Instant | null;
  /** When it was taken, by `performance.now()`. */
  readonly at: number;
}

/** What is in the window now, so that it is told when it enters and not again while it stays. */
class Window {
  readonly #told = new Map<string, Instant>();

  /** The expiry, if it is one that has just entered. Out of the caller's sight is out of its window. */
  taken({ id, expiry }: Judged): LicenseExpiry | undefined {
    if (expiry === undefined) this.#told.delete(id);
    else if (this.#told.get(id) !== expiry.expiryDate) {
      this.#told.set(id, expiry.expiryDate);
      return expiry;
    }
    return undefined;
  }

  /** Forgets what time has taken out of the window. */
  forget(now: Instant): void {
    for (const [id, expiryDate] of this.#told) if (expiryDate <= now) this.#told.delete(id);
  }
}

function judge(license: License, withinDays: number, now: Instant): Judged {
  const { id, expiryDate } = license;
  const isIn = expiryDate !== null && expiryDate > now && expiryDate <= addDays(now, withinDays);
  if (!isIn || standingAt(license, now).status !== 'ACTIVE') return { id, expiry: undefined };
  const daysRemaining = Math.ceil((millis(expiryDate) - millis(now)) / DAY_MILLIS);
  return { id, expiry: { license, expiryDate, daysRemaining } };
}

const endOf = (now: Instant, withinDays: number): ExpiryPlace => ({
  expiryDate: addDays(now, withinDays),
  id: '',
});

/** Where a look begins: at a place, before everything, or a little before the end of the window. */
type Start = ExpiryPlace | 'BEFORE_ALL' | 'NEAR_END';

function placeOf(start: Start, now: Instant, withinDays: number): ExpiryPlace {
  if (start === 'BEFORE_ALL') return { expiryDate: now, id: '' };
  return start === 'NEAR_END' ? endOf(addMillis(now, -OVERLAP_MILLIS), withinDays) : start;
}

async function look(
  reading: Reading,
  withinDays: number,
  start: Start,
  changed: readonly string[],
): Promise<Look> {
  const at = performance.now();
  const { now } = reading;
  const from = placeOf(start, now, withinDays);
  const entering = await licensesExpiring(reading, withinDays, from);
  const others = changed.length === 0 ? undefined : await licensesById(reading, changed);
  const judged = [...entering, ...(others?.values() ?? [])].map((each) => judge(each, withinDays, now));
  const gone = changed.filter((id) => !others?.has(id)).map((id) => ({ id, expiry: undefined }));
  const last = entering.length === EXPIRING_PAGE ? entering.at(-1) : undefined;
  const behind = last?.expiryDate ? { expiryDate: last.expiryDate, id: last.id } : undefined;
  const enters = behind === undefined ? await nextToExpire(reading, withinDays) : null;
  const next = enters === null ? null : addDays(enters, -withinDays);
  return { now, judged: [...judged, ...gone], from, behind, next, at };
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

/** One subscriber's way through the window, on looks that are shared with all who see the same and stand where it does. */
class Looker {
  readonly #window = new Window();
  /** How far it has looked. */
  #place: ExpiryPlace | undefined;
  /** Whether that was to the end of the window. */
  #isThrough = false;
  /** What it looks again for when nothing has changed: an instant that has come, or nothing but the time since. */
  #reason = '';

  constructor(
    private readonly watch: Watch,
    private readonly source: Followed,
    private readonly withinDays: number,
  ) {}

  /** What has entered the window, and how long nothing will by time alone. */
  async go(
    changed: readonly string[],
  ): Promise<{ readonly found: LicenseExpiry[]; readonly waitMillis: number }> {
    const seen = await this.#look(changed);
    const found = seen.judged.flatMap((each) => this.#window.taken(each) ?? []);
    this.#window.forget(seen.now);
    const end = endOf(seen.now, this.withinDays);
    // A clock that was set back opens no window again that was looked through.
    const isBack = this.#place !== undefined && this.#place.expiryDate > end.expiryDate;
    this.#place = seen.behind ?? (isBack ? this.#place : end);
    this.#isThrough = seen.behind === undefined;
    if (!this.#isThrough) return { found, waitMillis: 0 };
    const left = seen.next === null ? LONGEST_WAIT_MILLIS : millis(seen.next) - millis(seen.now);
    const waitMillis = Math.min(LONGEST_WAIT_MILLIS, left);
    this.#reason = waitMillis < LONGEST_WAIT_MILLIS ? this.#again(seen.next, changed) : '';
    return { found, waitMillis: Math.max(1, waitMillis - (performance.now() - seen.at)) };
  }

  /** A look that came too early for an instant is not the one that is taken when it has come. */
  #again(next: Instant | null, changed: readonly string[]): string {
    const [instant, tries = '0'] = this.#reason.split(' ');
    if (instant !== next) return `${next} 0`;
    return changed.length > 0 ? this.#reason : `${next} ${Number(tries) + 1}`;
  }

  /** As of the newest event that was handed out here: nothing that a look knows is older than what its sharers were told. */
  async #look(changed: readonly string[]): Promise<Look> {
    const { watch, withinDays } = this;
    const why = changed.length === 0 ? this.#reason : changed.join(' ');
    const take = (start: Start): Promise<Look> => {
      const place = typeof start === 'string' ? start : `${start.expiryDate} ${start.id}`;
      const name = `expiring ${withinDays} ${this.source.newest} ${place} ${why}`;
      return watch.askAlike(name, (reading) => look(reading, withinDays, start, changed));
    };
    if (this.#isThrough) {
      const found = await take('NEAR_END');
      if (this.#place !== undefined && found.from.expiryDate <= this.#place.expiryDate) return found;
    }
    return take(this.#place ?? 'BEFORE_ALL');
  }
}

async function* entered(looker: Looker, changes: Changes): AsyncGenerator<LicenseExpiry> {
  while (!changes.isOver) {
    const { found, waitMillis } = await looker.go(changes.take());
    yield* found;
    if (waitMillis > 0) await changes.bell.wait(waitMillis);
  }
}

/**
 * What expires within so many days: first all that does now, then each at the instant at which it enters the window,
 * by time or by a change, once until it has left. What has changed is looked at by itself, however many changes came
 * meanwhile: a subscriber who reads slowly is told of what there is then, and nothing piles up for it. Whoever sees the
 * same of a tenant shares the looks, and the answers that are made of what they find.
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
  const entering = entered(new Looker(watch, source, withinDays), changes);
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
