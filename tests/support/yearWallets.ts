/** What a bank does each time that a payment of one invoice reaches it; the last for ever after. */
export type Step =
  | 'TAKE'
  /** Taken, and nobody hears of it: the connection ends, no answer comes, or the processor fails behind it. */
  | 'TAKE_AND_CUT'
  | 'TAKE_AND_HANG'
  | 'TAKE_AND_FAIL'
  /** Nothing is taken: the connection ends; the processor fails, and says so under this key for a day; it has no time. */
  | 'CUT'
  | 'FAIL'
  | 'BUSY'
  /** It takes days, and then there is money or none. */
  | 'SLOW'
  | 'BOUNCE'
  | `declined ${string}`;

export const scripts = {
  works: ['TAKE'],
  poor: ['declined insufficient_funds'],
  stolen: ['declined stolen_card'],
  expired: ['declined expired_card'],
  once: ['declined authentication_required', 'TAKE'],
  twice: ['declined card_velocity_exceeded', 'declined insufficient_funds', 'TAKE'],
  cut: ['TAKE_AND_CUT'],
  late: ['TAKE_AND_HANG'],
  behind: ['TAKE_AND_FAIL'],
  lost: ['CUT', 'CUT', 'TAKE'],
  fails: ['FAIL', 'TAKE'],
  busy: ['BUSY', 'TAKE'],
  slow: ['SLOW'],
  bounces: ['BOUNCE', 'declined do_not_honor', 'TAKE'],
} as const satisfies Record<string, readonly Step[]>;

export type Wallet = keyof typeof scripts;
export const wallets = Object.keys(scripts) as Wallet[];

export function stepOf(wallet: Wallet, before: number): Step {
  const script: readonly Step[] = scripts[wallet];
  return script[Math.min(before, script.length - 1)] ?? 'TAKE';
}

/** For so long an answer is waited for: a busy machine may take seconds for one that comes. */
export const PATIENCE_SECONDS = 5;
/** For so long a bank is at it that is slow. */
export const SLOW_MILLIS = 2 * 86_400_000;
/** After so long somebody who has no time may be asked again. */
export const BUSY_SECONDS = 5400;
