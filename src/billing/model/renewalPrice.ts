import type { LicenseType, Pricing } from '../../templates/model.js';
import { boughtLines, maintenanceLines, type Price, periodsOf, priceOfLines, type TaxRate } from './price.js';

export interface RenewalPriceFacts {
  readonly quantity: number;
  /** Of the license: a seat that it has is renewed, wherever it came from. */
  readonly maxActivations: number;
  readonly licenseType: LicenseType;
  readonly durationMonths: number;
  /** In days, of the template: for so long its one-time price lasts. */
  readonly defaultDuration: number;
}

/** A price that is asked once is asked once for each term of the template that the renewal begins. */
function renewalPeriods(pricing: Pricing, { durationMonths, defaultDuration }: RenewalPriceFacts): number {
  if (pricing.billingCycle !== 'ONE_TIME')
    return periodsOf(pricing.billingCycle, { durationMonths, durationDays: defaultDuration });
  const termMonths = Math.max(1, Math.round((defaultDuration * 12) / 365));
  return Math.ceil(durationMonths / termMonths);
}

/**
 * What it costs to renew licenses for so many months, each with the seats that it has. Nothing is set up again. What is
 * perpetual is not bought again either: its maintenance is renewed, and its price is what that is a percentage of.
 */
export function renewalPrice(pricing: Pricing, facts: RenewalPriceFacts, taxes: readonly TaxRate[]): Price {
  const periods = renewalPeriods(pricing, facts);
  const bought = boughtLines(pricing, facts, periods);
  const lines = facts.licenseType === 'PERPETUAL' ? maintenanceLines(pricing, bought) : bought;
  return priceOfLines(pricing.currency, periods, lines, taxes);
}
