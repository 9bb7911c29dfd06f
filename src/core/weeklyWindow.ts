import { Temporal } from 'temporal-polyfill';
import { EARLIEST, type Instant, instant } from './clock.js';

/**
 * Hours of the week as clocks on the wall show them in one place: `MON-FRI 08:00-18:00 Europe/Berlin`. The first minute
 * is within, the last is not. An end that is not later than the start lies on the next day, and belongs to the day on
 * which the window began. An hour that clocks jump over does not come; one that they show twice comes twice.
 */
export interface WeeklyWindow {
  /** 1 is Monday. Days may run over the end of the week: `SAT-MON`. */
  readonly firstDay: number;
  readonly lastDay: number;
  /** Minutes of the day. */
  readonly from: number;
  readonly until: number;
  readonly zone: string;
}

const DAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'];
const DAY_MINUTES = 24 * 60;
const FORM =
  /^(?<first>[A-Z]{3})(-(?<last>[A-Z]{3}))? (?<from>([01]\d|2[0-3]):[0-5]\d)-(?<until>([01]\d|2[0-3]):[0-5]\d|24:00) (?<zone>[A-Za-z][\w+/-]{0,63})$/;

/** What a clock on a wall shows. */
export interface WallClock {
  /** 1 is Monday. */
  readonly day: number;
  /** Minutes of the day. */
  readonly time: number;
}

/** Undefined for a zone that is not known here. */
export function wallClock(zone: string, now: Instant): WallClock | undefined {
  try {
    const { dayOfWeek, hour, minute } = Temporal.Instant.from(now).toZonedDateTimeISO(zone);
    return { day: dayOfWeek, time: hour * 60 + minute };
  } catch {
    return undefined;
  }
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

/** The zone is not looked up: that costs more than all the rest. */
export function readWindow(written: string): WeeklyWindow | undefined {
  const { first, last = first, from, until, zone } = FORM.exec(written)?.groups ?? {};
  if (first === undefined || last === undefined || from === undefined || until === undefined)
    return undefined;
  const [firstDay, lastDay] = [DAYS.indexOf(first) + 1, DAYS.indexOf(last) + 1];
  if (firstDay === 0 || lastDay === 0 || zone === undefined) return undefined;
  return { firstDay, lastDay, from: minutesOf(from), until: minutesOf(until), zone };
}

export function parseWindow(written: string): WeeklyWindow | undefined {
  const window = readWindow(written);
  return window !== undefined && wallClock(window.zone, EARLIEST) !== undefined ? window : undefined;
}

function beginsOn({ firstDay, lastDay }: WeeklyWindow, day: number): boolean {
  return (day - firstDay + 7) % 7 <= (lastDay - firstDay + 7) % 7;
}

export function isOpen(window: WeeklyWindow, { day, time }: WallClock): boolean {
  const { from, until } = window;
  if (from < until) return beginsOn(window, day) && time >= from && time < until;
  return (beginsOn(window, day) && time >= from) || (beginsOn(window, day + 6) && time < until);
}

/** Every instant in the week from now at which the window may open or close, and when clocks are changed. */
export function edgesAfter({ from, until, zone }: WeeklyWindow, now: Instant): Instant[] {
  const start = Temporal.Instant.from(now).toZonedDateTimeISO(zone);
  const edges = Array.from({ length: 9 }, (_, days) => start.toPlainDate().add({ days })).flatMap((date) =>
    [from, until % DAY_MINUTES].flatMap((time) => {
      const at = date.toPlainDateTime({ hour: Math.floor(time / 60), minute: time % 60 });
      return (['earlier', 'later'] as const).map((disambiguation) =>
        at.toZonedDateTime(zone, { disambiguation }),
      );
    }),
  );
  const change = start.getTimeZoneTransition('next');
  const instants = [...edges, ...(change === null ? [] : [change])].map((edge) =>
    instant(edge.epochMilliseconds),
  );
  return instants.filter((edge) => edge > now);
}
