import type { PriceLine } from '../model/price.js';
import type { InvoiceFormat } from './format.js';
import type { InvoiceWords } from './words.js';

/** What a line says in the words of a language; undefined where it is in somebody's own, or older than details. */
export function lineText(
  { kind, detail }: PriceLine,
  words: InvoiceWords,
  format: InvoiceFormat,
): string | undefined {
  if (detail === undefined) return undefined;
  const { sold, periods, percentage, days, credited } = detail;
  const name = kind === 'TAX' ? detail.name : credited ? words.credited[credited] : words.lines[kind];
  const share = percentage === undefined ? '' : ` ${format.percentage(percentage)}`;
  const counted = periods && `${words.cycles[periods.cycle]}${words.colon} ${format.quantity(periods.count)}`;
  const rest = days && words.days(format.quantity(days.left), format.quantity(days.of));
  const parts = [`${name ?? ''}${share}`, counted, rest].filter((part) => part !== undefined);
  return `${sold === undefined ? '' : `${sold}${words.colon} `}${parts.join(', ')}`;
}
