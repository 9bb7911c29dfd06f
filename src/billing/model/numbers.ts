/** Series of numbers, by the letters that they begin with. */
export const seriesNames = ['INV', 'ORD'] as const;
export type Series = (typeof seriesNames)[number];

/** `INV-2026-000001`; past a million a year the number grows longer. */
export function writtenNumber(series: Series, year: number, number: number): string {
  return `${series}-${year}-${String(number).padStart(6, '0')}`;
}
