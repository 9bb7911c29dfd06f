import { Temporal } from 'temporal-polyfill';
import { addDays, type Instant, instant, latest } from '../../core/clock.js';

/** How many days before its expiry a license's people are reminded of it. */
export const REMINDER_DAYS = [1, 7, 14, 30] as const;

/** In the morning, by their own clock. */
export const REMINDER_HOUR = 8;

/** A run that comes after a longer break reminds of what lies in this many days, and of nothing that is older. */
const LONGEST_BREAK_DAYS = 31;

/** Licenses that expire within these instants are to be reminded of, where their clock is one of `zones`. */
export interface ReminderSpan {
  readonly days: number;
  readonly from: Instant;
  readonly until: Instant;
  /** When the reminder fell due. */
  readonly at: Instant;
  readonly zones: readonly string[];
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

/**
 * What falls due behind `since` and up to `through`: at eight in the morning of the day that lies so many days before the
 * day of the expiry, both by the clock of whoever is reminded. Zones that mean the same spans at this moment share them.
 * A zone that nobody knows counts as UTC.
 */
export function reminderSpans(zones: readonly string[], since: Instant, through: Instant): ReminderSpan[] {
  const begin = latest(since, addDays(through, -LONGEST_BREAK_DAYS));
  const spans = new Map<string, ReminderSpan & { zones: string[] }>();
  for (const zone of new Set(zones)) {
    for (const morning of mornings(known(zone), begin, through)) {
      for (const days of REMINDER_DAYS) {
        const day = morning.toPlainDate().add({ days });
        const from = asInstant(day.toZonedDateTime(morning.timeZoneId));
        const until = asInstant(day.add({ days: 1 }).toZonedDateTime(morning.timeZoneId));
        const key = `${days} ${from} ${until}`;
        const span = spans.get(key) ?? { days, from, until, at: asInstant(morning), zones: [] };
        span.zones.push(zone);
        spans.set(key, span);
      }
    }
  }
  // The nearest first: whoever is told of it needs no word of one that lies farther off.
  return [...spans.values()].sort((one, other) => one.days - other.days || (one.from < other.from ? -1 : 1));
}
