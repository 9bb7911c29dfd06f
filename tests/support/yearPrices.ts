/** What a renewal costs, with pencil and paper: amounts are counted in ten-thousandths of their currency. */

export const cycles = { MONTHLY: 1, QUARTERLY: 3, ANNUALLY: 12, ONE_TIME: undefined } as const;

export interface Offer {
  /** Which the product gives it. */
  templateId: string;
  readonly licenseType: 'SUBSCRIPTION' | 'CONCURRENT' | 'NAMED_USER';
  readonly licenseModel: string;
  readonly currency: string;
  /** Digits behind the point of the smallest coin. */
  readonly digits: number;
  readonly cycle: keyof typeof cycles;
  readonly days: number;
  readonly graceDays: number;
  readonly seats: number;
  /** Prices change. */
  base: string;
  seat: string;
  /** Off for whoever buys one, in per cent. */
  readonly discount: string | undefined;
}

export interface Tax {
  readonly name: string;
  readonly percentage: string;
}

export interface Price {
  readonly currency: string;
  readonly lines: readonly string[];
  readonly tax: bigint;
  readonly total: bigint;
}

const WHOLE = 10_000n;

export function counted(text: string): bigint {
  const [whole = '0', part = ''] = text.split('.');
  return BigInt(whole) * WHOLE + BigInt(part.padEnd(4, '0'));
}

export function shown(amount: bigint): string {
  const [sign, size] = amount < 0n ? ['-', -amount] : ['', amount];
  const part = String(size % WHOLE)
    .padStart(4, '0')
    .replace(/0+$/, '');
  return `${sign}${size / WHOLE}${part === '' ? '' : `.${part}`}`;
}

/** A part of an amount in whole coins; of two that are as near the larger. */
function coins(amount: bigint, percentage: string, digits: number): bigint {
  const coin = 10n ** BigInt(4 - digits);
  const parts = 100n * WHOLE * coin;
  return ((2n * amount * counted(percentage) + parts) / (2n * parts)) * coin;
}

/** How long a term is that renews itself. What is paid once lasts as long as it was sold for, a year having twelve months. */
export function termOf({ cycle, days }: Offer): number {
  return cycles[cycle] ?? Math.max(1, Math.round((days * 12) / 365));
}

/** Of so many months; a cycle that is begun is paid for, nothing is set up again, and no tax is taxed. */
export function priceFor(offer: Offer, months: number, taxes: readonly Tax[]): Price {
  const { currency, digits, base, seat, seats, discount } = offer;
  const terms = BigInt(Math.ceil(months / termOf(offer)));
  const licenses = (counted(base) + counted(seat) * BigInt(seats)) * terms;
  const off = coins(licenses, discount ?? '0', digits);
  const net = licenses - off;
  const taxed = taxes.map(({ percentage }) => coins(net, percentage, digits));
  const tax = taxed.reduce((sum, each) => sum + each, 0n);
  const lines = [
    `LICENSES ${shown(licenses)}`,
    ...(off === 0n ? [] : [`DISCOUNT ${shown(-off)}`]),
    ...taxed.map((each) => `TAX ${shown(each)}`),
  ];
  return { currency, lines, tax, total: net + tax };
}

/** In the processor's smallest units; undefined where it takes no such amount: of three decimals the last has to be zero. */
export function unitsOf({ digits }: Offer, amount: bigint): bigint | undefined {
  const units = (amount * 10n ** BigInt(digits)) / WHOLE;
  return digits === 3 && units % 10n !== 0n ? undefined : units;
}

/** By the month and by the year, with and without seats, of currencies with two decimals, none and three. */
export const offers = (): Offer[] => [
  {
    ...{ templateId: '', licenseType: 'SUBSCRIPTION', licenseModel: 'PER_DEVICE', seats: 400 },
    ...{ currency: 'EUR', digits: 2, cycle: 'MONTHLY', days: 45, graceDays: 7 },
    ...{ base: '29.9', seat: '0.03', discount: undefined },
  },
  {
    ...{ templateId: '', licenseType: 'NAMED_USER', licenseModel: 'SITE_LICENSE', seats: 3 },
    ...{ currency: 'JPY', digits: 0, cycle: 'MONTHLY', days: 30, graceDays: 0 },
    ...{ base: '905', seat: '25', discount: undefined },
  },
  {
    ...{ templateId: '', licenseType: 'CONCURRENT', licenseModel: 'SITE_LICENSE', seats: 1 },
    ...{ currency: 'KWD', digits: 3, cycle: 'QUARTERLY', days: 60, graceDays: 30 },
    ...{ base: '10', seat: '0', discount: undefined },
  },
  {
    ...{ templateId: '', licenseType: 'SUBSCRIPTION', licenseModel: 'SITE_LICENSE', seats: 7 },
    ...{ currency: 'USD', digits: 2, cycle: 'ANNUALLY', days: 50, graceDays: 14 },
    ...{ base: '399.99', seat: '10.01', discount: '12.5' },
  },
  {
    ...{ templateId: '', licenseType: 'SUBSCRIPTION', licenseModel: 'ENTERPRISE', seats: 2 },
    ...{ currency: 'EUR', digits: 2, cycle: 'ONE_TIME', days: 60, graceDays: 2 },
    ...{ base: '199.99', seat: '0.33', discount: '3.3333' },
  },
  {
    ...{ templateId: '', licenseType: 'SUBSCRIPTION', licenseModel: 'ENTERPRISE', seats: 1 },
    ...{ currency: 'USD', digits: 2, cycle: 'MONTHLY', days: 20, graceDays: 1 },
    ...{ base: '0', seat: '0', discount: undefined },
  },
];
