import { calendarWindow } from '../../core/calendarWindow.js';
import { DAY_MILLIS, EARLIEST, type Instant, instant, millis } from '../../core/clock.js';
import type { LimitPeriod } from '../../templates/model.js';

export interface Window {
  readonly start: Instant;
  /** Null when the limit never starts afresh. */
  readonly end: Instant | null;
}

const FIXED_MILLIS = { HOUR: 3_600_000, DAY: DAY_MILLIS } as const;

/** Windows of months and years that were worked out before: each takes 50 us, and thousands of grants a second ask. */
const known = new Map<string, Window>();
const KNOWN_LIMIT = 10_000;

function knownWindow(anchor: Instant, unit: 'months' | 'years', now: Instant): Window {
  const name = `${unit} ${anchor}`;
  const last = known.get(name);
  if (last?.end != null && last.start <= now && now < last.end) return last;
  const window = calendarWindow(anchor, unit, now);
  if (known.size >= KNOWN_LIMIT) known.clear();
  known.set(name, window);
  return window;
}

/** The window of a limit at an instant, anchored at the license's issue date. */
export function windowAt(anchor: Instant, period: LimitPeriod, now: Instant): Window {
  if (period === 'NONE') return { start: EARLIEST, end: null };
  if (period === 'MONTH') return knownWindow(anchor, 'months', now);
  if (period === 'YEAR') return knownWindow(anchor, 'years', now);
  const length = FIXED_MILLIS[period];
  const passed = Math.max(0, Math.floor((millis(now) - millis(anchor)) / length));
  const start = millis(anchor) + passed * length;
  return { start: instant(start), end: instant(start + length) };
}
