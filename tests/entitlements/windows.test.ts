import { describe, expect, test } from 'vitest';
import { addMillis, addMonths, DAY_MILLIS, type Instant, instant, millis } from '../../src/core/clock.js';
import { windowAt } from '../../src/entitlements/model/window.js';
import type { LimitPeriod } from '../../src/templates/model.js';
import { turnOf } from '../support/meterModel.js';
import { fc } from '../support/seed.js';
import { at } from '../support/server.js';

interface Case {
  readonly period: LimitPeriod;
  readonly issued: string;
  readonly now: string;
  readonly start: string;
  readonly end: string | null;
  readonly because: string;
}

const cases: readonly Case[] = [
  {
    period: 'NONE',
    issued: '2026-03-01T12:00:00Z',
    now: '2031-07-04T00:00:00Z',
    start: '1970-01-01T00:00:00Z',
    end: null,
    because: 'a limit without a period never starts afresh',
  },
  {
    period: 'HOUR',
    issued: '2026-03-01T12:34:56.789Z',
    now: '2026-03-01T13:34:56.788Z',
    start: '2026-03-01T12:34:56.789Z',
    end: '2026-03-01T13:34:56.789Z',
    because: 'an hour lasts to its last millisecond',
  },
  {
    period: 'HOUR',
    issued: '2026-03-01T12:34:56.789Z',
    now: '2026-03-01T13:34:56.789Z',
    start: '2026-03-01T13:34:56.789Z',
    end: '2026-03-01T14:34:56.789Z',
    because: 'the end of one hour is the start of the next',
  },
  {
    period: 'DAY',
    issued: '2026-03-01T12:00:00Z',
    now: '2026-03-29T11:59:59.999Z',
    start: '2026-03-28T12:00:00Z',
    end: '2026-03-29T12:00:00Z',
    because: 'a day begins at the time of issue, whatever clocks change in Europe that night',
  },
  {
    period: 'MONTH',
    issued: '2026-01-31T10:00:00Z',
    now: '2026-02-28T09:59:59.999Z',
    start: '2026-01-31T10:00:00Z',
    end: '2026-02-28T10:00:00Z',
    because: 'the first month of the 31st ends with February',
  },
  {
    period: 'MONTH',
    issued: '2026-01-31T10:00:00Z',
    now: '2026-02-28T10:00:00Z',
    start: '2026-02-28T10:00:00Z',
    end: '2026-03-31T10:00:00Z',
    because: 'February does not move the anchor to the 28th',
  },
  {
    period: 'MONTH',
    issued: '2026-01-31T10:00:00Z',
    now: '2026-04-30T10:00:00Z',
    start: '2026-04-30T10:00:00Z',
    end: '2026-05-31T10:00:00Z',
    because: 'a month of thirty days ends on its 30th',
  },
  {
    period: 'MONTH',
    issued: '2026-01-31T10:00:00Z',
    now: '2026-05-30T10:00:00Z',
    start: '2026-04-30T10:00:00Z',
    end: '2026-05-31T10:00:00Z',
    because: 'the 30th of May is not yet the 31st',
  },
  {
    period: 'MONTH',
    issued: '2027-12-30T00:00:00Z',
    now: '2028-02-29T00:00:00Z',
    start: '2028-02-29T00:00:00Z',
    end: '2028-03-30T00:00:00Z',
    because: 'a leap February ends on the 29th',
  },
  {
    period: 'MONTH',
    issued: '2026-12-31T23:59:59.999Z',
    now: '2027-01-01T00:00:00Z',
    start: '2026-12-31T23:59:59.999Z',
    end: '2027-01-31T23:59:59.999Z',
    because: 'the turn of the year is not the turn of a window',
  },
  {
    period: 'YEAR',
    issued: '2024-02-29T08:00:00Z',
    now: '2025-02-28T07:59:59.999Z',
    start: '2024-02-29T08:00:00Z',
    end: '2025-02-28T08:00:00Z',
    because: 'the year of a leap day ends on 28 February',
  },
  {
    period: 'YEAR',
    issued: '2024-02-29T08:00:00Z',
    now: '2028-02-29T07:59:59.999Z',
    start: '2027-02-28T08:00:00Z',
    end: '2028-02-29T08:00:00Z',
    because: 'four years later the leap day is the turn again',
  },
  {
    period: 'YEAR',
    issued: '2024-02-29T08:00:00Z',
    now: '2100-03-01T00:00:00Z',
    start: '2100-02-28T08:00:00Z',
    end: '2101-02-28T08:00:00Z',
    because: '2100 is no leap year',
  },
  {
    period: 'MONTH',
    issued: '2026-03-01T12:00:00Z',
    now: '2026-02-28T12:00:00Z',
    start: '2026-03-01T12:00:00Z',
    end: '2026-04-01T12:00:00Z',
    because: 'a clock that lags behind the issue date is in the first window',
  },
  {
    period: 'MONTH',
    issued: '2026-01-29T10:00:00Z',
    now: '2026-02-28T10:00:00Z',
    start: '2026-02-28T10:00:00Z',
    end: '2026-03-29T10:00:00Z',
    because: 'a month of the 29th turns on the 28th where there is no other',
  },
  {
    period: 'MONTH',
    issued: '2028-01-29T10:00:00Z',
    now: '2028-02-29T09:59:59.999Z',
    start: '2028-01-29T10:00:00Z',
    end: '2028-02-29T10:00:00Z',
    because: 'a leap February has a 29th of its own',
  },
  {
    period: 'MONTH',
    issued: '2024-02-29T00:00:00Z',
    now: '2100-02-28T00:00:00Z',
    start: '2100-02-28T00:00:00Z',
    end: '2100-03-29T00:00:00Z',
    because: 'February of 2100 has 28 days',
  },
  {
    period: 'YEAR',
    issued: '2096-02-29T00:00:00Z',
    now: '2104-02-28T23:59:59.999Z',
    start: '2103-02-28T00:00:00Z',
    end: '2104-02-29T00:00:00Z',
    because: 'between 2096 and 2104 there is no leap day',
  },
  {
    period: 'YEAR',
    issued: '2000-02-29T12:30:15.001Z',
    now: '2400-02-29T12:30:15.000Z',
    start: '2399-02-28T12:30:15.001Z',
    end: '2400-02-29T12:30:15.001Z',
    because: '2400 is a leap year again, to the millisecond of the anchor',
  },
  {
    period: 'DAY',
    issued: '2026-10-24T00:30:00Z',
    now: '2026-10-25T01:00:00Z',
    start: '2026-10-25T00:30:00Z',
    end: '2026-10-26T00:30:00Z',
    because: 'a night in which Europe has an hour twice is a day of 24 hours',
  },
  {
    period: 'HOUR',
    issued: '2026-03-29T00:30:00+01:00',
    now: '2026-03-29T03:30:00+02:00',
    start: '2026-03-29T01:30:00Z',
    end: '2026-03-29T02:30:00Z',
    because: 'an hour that a zone leaves out is there in UTC, in which every anchor stands',
  },
  {
    period: 'MONTH',
    issued: '2026-05-31T23:30:00-05:00',
    now: '2026-06-30T23:29:59.999-05:00',
    start: '2026-06-01T04:30:00Z',
    end: '2026-07-01T04:30:00Z',
    because: 'issued on the last of May in New York is issued on the first of June in UTC',
  },
  {
    period: 'YEAR',
    issued: '1970-01-01T00:00:00Z',
    now: '9000-01-01T00:00:00Z',
    start: '9000-01-01T00:00:00Z',
    end: '9001-01-01T00:00:00Z',
    because: 'the span that the system takes is covered from its first instant to its last',
  },
  {
    period: 'MONTH',
    issued: '9000-01-01T00:00:00Z',
    now: '9000-01-01T00:00:00Z',
    start: '9000-01-01T00:00:00Z',
    end: '9000-02-01T00:00:00Z',
    because: 'the last instant of all has a window too',
  },
  {
    period: 'HOUR',
    issued: '1970-01-01T00:00:00.001Z',
    now: '8999-12-31T23:59:59.999Z',
    start: '8999-12-31T23:00:00.001Z',
    end: '9000-01-01T00:00:00.001Z',
    because: 'sixty million hours add up without a remainder',
  },
];

describe('the window of a limit', () => {
  test.each(cases)('$period at $now: $because', ({ period, issued, now, start, end }) => {
    const window = windowAt(at(issued), period, at(now));

    expect(window).toEqual({ start: at(start), end: end === null ? null : instant(Date.parse(end)) });
  });

  const issue = fc.integer({ min: 0, max: Date.parse('2100-01-01') }).map(instant);
  const resetting = fc.constantFrom<LimitPeriod>('HOUR', 'DAY', 'MONTH', 'YEAR');
  const age = fc.oneof(fc.nat({ max: 200 * DAY_MILLIS }), fc.nat({ max: 3_000 * DAY_MILLIS }));

  test('windows follow each other without a gap and without overlap', () => {
    fc.assert(
      fc.property(issue, resetting, age, (issued, period, passed) => {
        const now = addMillis(issued, passed);

        const window = windowAt(issued, period, now);
        const end = window.end ?? now;

        expect([window.start <= now, now < end]).toEqual([true, true]);
        expect(windowAt(issued, period, window.start)).toEqual(window);
        expect(windowAt(issued, period, addMillis(end, -1))).toEqual(window);
        expect(windowAt(issued, period, end).start).toBe(end);
      }),
    );
  });

  test('the turns of months and years are counted from the issue date, never from each other', () => {
    fc.assert(
      fc.property(issue, fc.integer({ min: 0, max: 240 }), (issued, months) => {
        const turn = (count: number): Instant => addMonths(issued, count);

        expect(windowAt(issued, 'MONTH', turn(months))).toEqual({
          start: turn(months),
          end: turn(months + 1),
        });
        expect(windowAt(issued, 'YEAR', turn(months * 12))).toEqual({
          start: turn(months * 12),
          end: turn(months * 12 + 12),
        });
      }),
    );
  });

  test('the n-th window begins n periods after the issue date, on the last day of a month that is too short', () => {
    const periods = fc.constantFrom<'HOUR' | 'DAY' | 'MONTH' | 'YEAR'>('HOUR', 'DAY', 'MONTH', 'YEAR');
    const counts = { HOUR: 3_600_000, DAY: DAY_MILLIS } as const;
    const turn = (issued: Instant, period: LimitPeriod, count: number): number =>
      period === 'HOUR' || period === 'DAY'
        ? millis(issued) + count * counts[period]
        : turnOf(millis(issued), count * (period === 'YEAR' ? 12 : 1));
    fc.assert(
      fc.property(issue, periods, fc.nat({ max: 1_500 }), fc.nat(), (issued, period, count, into) => {
        const [start, end] = [turn(issued, period, count), turn(issued, period, count + 1)];
        const inside = instant(start + (into % (end - start)));

        expect(windowAt(issued, period, inside)).toEqual({ start: instant(start), end: instant(end) });
      }),
    );
  });

  test('windows of one license are remembered for nobody else, in whatever order they are asked', () => {
    const one = fc.record({ issued: issue, period: resetting, passed: age });
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 30 }), fc.nat(), (asked, turned) => {
        const answers = asked.map(({ issued, period, passed }) =>
          windowAt(issued, period, addMillis(issued, passed)),
        );
        const from = turned % asked.length;
        for (let index = 0; index < asked.length; index += 1) {
          const at = (from + index) % asked.length;
          const each = asked[at];
          if (each === undefined) continue;
          const { issued, period, passed } = each;
          expect(windowAt(issued, period, addMillis(issued, passed))).toEqual(answers[at]);
        }
      }),
    );
  });
});
