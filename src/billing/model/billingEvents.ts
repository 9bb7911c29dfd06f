import {
  amountIn,
  currencyIn,
  type EventReading,
  type FactKind,
  instantIn,
  inTenant,
  invoiceIn,
  type Members,
  membersIn,
  textIn,
} from './paymentFacts.js';

/** The shape of our own that any processor can be taught; docs/payments.md describes it. */
const kinds: ReadonlyMap<string, FactKind> = new Map([
  ['payment.succeeded', 'PAYMENT'],
  ['payment.failed', 'FAILURE'],
  ['payment.refunded', 'REFUND'],
]);

export function billingType(body: Members): string | undefined {
  return textIn(body.type) ?? undefined;
}

export function readBilling(body: Members): EventReading {
  const kind = kinds.get(textIn(body.type) ?? '');
  if (kind === undefined) return 'IGNORED';
  const data = membersIn(body.data);
  const [reference, amount, currency] = [
    textIn(data.reference),
    amountIn(data.amount),
    currencyIn(data.currency),
  ];
  if (reference === null || amount === undefined || currency === undefined) return 'UNREADABLE';
  const attempt = textIn(data.attempt);
  return {
    ...(attempt === null ? {} : { attempt }),
    kind,
    invoice: inTenant(invoiceIn(data.invoiceId, data.invoiceNumber), data.tenant),
    reference,
    payment: textIn(data.paymentReference),
    aliases: [],
    amount,
    currency,
    at: instantIn(body.timestamp),
    words: 'The payment was declined.',
  };
}
