import type { Language } from '../../access/model/settings.js';
import type { Instant } from '../../core/clock.js';

/** Dates and numbers as somebody reads them who lives there. */
export interface Format {
  date(at: Instant): string;
  /** With the hour, and in which zone it is meant. */
  time(at: Instant): string;
  number(value: number): string;
  /** An amount in its currency. */
  money(amount: string, currency: string): string;
}

export function formatFor(language: Language, timeZone: string): Format {
  const dates = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone });
  const times = new Intl.DateTimeFormat(language, {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone,
    timeZoneName: 'short',
  });
  const numbers = new Intl.NumberFormat(language);
  return {
    date: (at) => dates.format(new Date(at)),
    time: (at) => times.format(new Date(at)),
    number: (value) => numbers.format(value),
    money: (amount, currency) =>
      new Intl.NumberFormat(language, { style: 'currency', currency }).format(Number(amount)),
  };
}
