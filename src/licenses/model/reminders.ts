import { Temporal } from 'temporal-polyfill';
import { addDays, addMillis, type Instant, instant, latest } from '../../core/clock.js';

/** How many days before its expiry a license's people are reminded of it. */
export const REMINDER_DAYS = [1, 7, 14, 30] as const;

/** In the morning, by their own clock. */
export const REMINDER_HOUR = 8;

/**
 * A reminder whose morning was over by less than this when it was looked last is still to come. Whoever is reminded may
 * come under another clock behind that look, where the morning was up to 25 hours earlier, or be reminded of an expiry, or
 * by a license, that was not his or did not run then.
 */
const LOOK_BACK_MILLIS = 36 * 3_600_000;

/** A run that comes after a longer break reminds of what lies in this many days, and of nothing that is older. */
const LONGEST_BREAK_DAYS = 31;

/** A morning of a zone, and between which instants those expire who are reminded on it. */
export interface ReminderMorning {
  readonly zone: string;
  readonly from: Instant;
  readonly until: Instant;
  /** When the reminder fell due. */
  readonly at: Instant;
}

/** What falls due of the reminders of so many days. */
export interface DueReminders {
  readonly days: number;
  readonly mornings: readonly ReminderMorning[];
}

function known(zone: string): string {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone).timeZoneId;
  } catch {
    return 'UTC';
  }
}

const asInstant = (at: Temporal.ZonedDateTime): Instant => instant(at.epochMilliseconds);

/** The mornings of a zone behind one instant and up to another. */
function mornings(zone: string, since: Instant, through: Instant): Temporal.ZonedDateTime[] {
  const found: Temporal.ZonedDateTime[] = [];
  const end = Temporal.Instant.from(through);
  let day = Temporal.Instant.from(since).toZonedDateTimeISO(zone).toPlainDate();
  for (;;) {
    const morning = day.toZonedDateTime({ timeZone: zone, plainTime: { hour: REMINDER_HOUR } });
    if (Temporal.Instant.compare(morning.toInstant(), end) > 0) return found;
    if (asInstant(morning) > since) found.push(morning);
    day = day.add({ days: 1 });
  }
}

function remindedOn(zone: string, morning: Temporal.ZonedDateTime, days: number): ReminderMorning {
  const day = morning.toPlainDate().add({ days });
  const startOf = (of: Temporal.PlainDate): Instant => asInstant(of.toZonedDateTime(morning.timeZoneId));
  return { zone, from: startOf(day), until: startOf(day.add({ days: 1 })), at: asInstant(morning) };
}

/**
 * What may be to remind of at `through`, where it was looked last at `since`: at eight in the morning of the day that lies
 * so many days before the day of the expiry, both by the clock of whoever is reminded. Mornings that were looked at before
 * come again for a while: who was reminded on them is not reminded twice. A zone that nobody knows counts as UTC.
 */
export function dueReminders(zones: readonly string[], since: Instant, through: Instant): DueReminders[] {
  const begin = addMillis(latest(since, addDays(through, -LONGEST_BREAK_DAYS)), -LOOK_BACK_MILLIS);
  const all = [...new Set(zones)].map((zone) => ({ zone, found: mornings(known(zone), begin, through) }));
  // The nearest first: whoever is told of it needs no word of one that lies farther off.
  return REMINDER_DAYS.map((days) => ({
    days,
    mornings: all.flatMap(({ zone, found }) => found.map((morning) => remindedOn(zone, morning, days))),
  }));
}
