/** Series of numbers, by the letters that they begin with. */
export const seriesNames = ['INV', 'ORD'] as const;
export type Series = (typeof seriesNames)[number];
