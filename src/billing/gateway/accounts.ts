import type { Config } from '../../core/config.js';
import type { Charging } from './charging.js';
import { stripeCharging } from './stripe.js';

type ChargeConfig = Pick<Config, 'LG_STRIPE_URL' | 'LG_STRIPE_SECONDS'>;

/** Whoever charges with this key; undefined without one: nothing can be asked for then. */
export function chargingWith(
  secretKey: string | undefined,
  config: ChargeConfig,
  signal: AbortSignal,
): Charging | undefined {
  if (secretKey === undefined) return undefined;
  const totalMillis = config.LG_STRIPE_SECONDS * 1000;
  return stripeCharging({ url: config.LG_STRIPE_URL, secretKey, totalMillis, signal });
}
