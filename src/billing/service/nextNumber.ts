import { sql } from 'drizzle-orm';
import { DEFAULT_TIME_ZONE } from '../../access/model/settings.js';
import { tenantOf } from '../../access/queries.js';
import { yearIn } from '../../core/timeZone.js';
import type { Work } from '../../core/work.js';
import { type Series, writtenNumber } from '../model/numbers.js';
import { numberSeries } from '../table.js';

/**
 * The next number of each of these series in the tenant's year, in one statement. A rolled back act leaves no gap, because
 * the next one waits until it is known how this one ends: whoever needs other locks takes them first, and has as little left
 * to do as can be. All take the series in the order of their names, so that nobody waits for the other in a circle.
 */
export async function nextNumbers<Wanted extends Series>(
  work: Work,
  wanted: readonly Wanted[],
): Promise<Readonly<Record<Wanted, string>>> {
  const { settings } = await tenantOf(work);
  const year = yearIn(settings.timeZone ?? DEFAULT_TIME_ZONE, work.now);
  const { tenantId } = work;
  const rows = await work.db
    .insert(numberSeries)
    .values(wanted.toSorted().map((series) => ({ tenantId, series, year, last: 1 })))
    .onConflictDoUpdate({
      target: [numberSeries.tenantId, numberSeries.series, numberSeries.year],
      set: { last: sql`${numberSeries.last} + 1` },
    })
    .returning({ series: numberSeries.series, last: numberSeries.last });
  const numbers = rows.map(({ series, last }) => [series, writtenNumber(series, year, last)]);
  if (numbers.length !== wanted.length) throw new Error('an upsert returned no row');
  return Object.fromEntries(numbers);
}

export async function nextNumber(work: Work, series: Series): Promise<string> {
  return (await nextNumbers(work, [series]))[series];
}
