import { type Check, text } from '../../core/check.js';
import { type FieldProblem, invalidInput, type Refusal } from '../../core/refusal.js';

const formOf =
  (form: RegExp, message: string): Check =>
  (value) =>
    typeof value === 'string' && form.test(value) ? undefined : message;

export const payerForm = formOf(/^cus_[A-Za-z0-9_]{1,250}$/, "must be a customer's id at Stripe, `cus_…`");
export const methodForm = formOf(
  /^(pm|card|src|ba)_[A-Za-z0-9_]{1,250}$/,
  'must be the id of a payment method at Stripe, `pm_…`',
);

const isText = text(1, 100);

/** Nobody writes the number of a card down here: at most its last digits. */
export const methodLabel: Check = (value) => {
  const hasNumber = typeof value === 'string' && /\d{7,}/.test(value.replace(/[\s.-]/g, ''));
  return isText(value) ?? (hasNumber ? 'must name at most the last digits of a card or account' : undefined);
};

const refusedPayer = (message: string): Refusal => {
  const field: FieldProblem = { field: 'input.stripeCustomer', message };
  return invalidInput([field]);
};

/** Whoever could name another's card would have it charged. */
export const payerTaken = (): Refusal => refusedPayer('stands for another customer');
export const payerUnknown = (): Refusal => refusedPayer('is not known as yours: the vendor enters it first');

export function customerMissing(): Refusal {
  return invalidInput([{ field: 'input.customerId', message: 'must say whose payment method it is' }]);
}
