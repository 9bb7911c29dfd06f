/**
 * What people are told of a charge that was declined. A processor's own words are written for whoever runs a shop; and its
 * codes for cards that were stolen or look like fraud are not told to whoever holds the card.
 */
const words = {
  insufficient_funds: 'There is not enough money on the account.',
  card_velocity_exceeded: 'The card has reached its limit.',
  withdrawal_count_limit_exceeded: 'The card has reached its limit.',
  expired_card: 'The card has expired.',
  incorrect_cvc: 'The security code of the card is wrong.',
  incorrect_number: 'The number of the card is wrong.',
  authentication_required: 'The bank asks the holder of the card to confirm the payment.',
  currency_not_supported: 'The card cannot be charged in this currency.',
  card_not_supported: 'The card cannot be used for this kind of payment.',
  processing_error: 'The bank could not work on the payment.',
  issuer_not_available: 'The bank could not be reached.',
  amount_too_small: 'The amount is smaller than what can be charged.',
  amount_too_large: 'The amount is larger than what can be charged.',
  amount_not_chargeable: 'The amount cannot be charged in this currency.',
  resource_missing: 'The payment method is not there any more.',
  payment_method_unactivated: 'The payment method is switched off.',
  charge_already_refunded: 'The payment was paid back already.',
  charge_disputed: 'The payment is disputed at the bank.',
  payer_unverified: 'The payer is not known to be this customer.',
  insufficient_balance: 'There is not enough money to pay back.',
} as const satisfies Record<string, string>;

/** Every other code, and what is nobody's business. */
export const DECLINED = { code: 'declined', words: 'The payment was declined.' } as const;

export interface Decline {
  readonly code: string;
  readonly words: string;
}

/** A decline as it may be told to anybody. */
export function declineOf(code: string | null): Decline {
  const known = Object.entries(words).find(([name]) => name === code);
  return known === undefined ? DECLINED : { code: known[0], words: known[1] };
}
