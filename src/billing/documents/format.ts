import type { Language } from '../../access/model/settings.js';
import type { Instant } from '../../core/clock.js';
import { minorUnitsOf } from '../../core/currencies.js';
import { type Amount, plainAmount } from '../../core/money.js';

export interface InvoiceFormat {
  date(at: Instant): string;
  quantity(value: number): string;
  /** Of a hundred. */
  percentage(percentage: Amount): string;
  /** With the digits of its currency, and more where it has them. */
  amount(amount: Amount): string;
}

/** Amounts go into the format as text: what passes through a number loses its cents from fifteen digits on. */
export function invoiceFormat(language: Language, timeZone: string, currency: string): InvoiceFormat {
  const dates = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone });
  const quantities = new Intl.NumberFormat(language);
  const percentages = new Intl.NumberFormat(language, { maximumFractionDigits: 4 });
  const amounts = new Intl.NumberFormat(language, {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: minorUnitsOf(currency),
    maximumFractionDigits: 4,
  });
  return {
    date: (at) => dates.format(new Date(at)),
    quantity: (value) => quantities.format(value),
    percentage: (percentage) =>
      `${percentages.format(plainAmount(percentage) as Intl.StringNumericLiteral)}\u00a0%`,
    amount: (amount) => amounts.format(plainAmount(amount) as Intl.StringNumericLiteral),
  };
}
