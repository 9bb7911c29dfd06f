import {
  amountIn,
  currencyIn,
  type EventName,
  type EventReading,
  type FactKind,
  instantIn,
  invoiceIn,
  type Members,
  membersIn,
  textIn,
  textsIn,
} from './paymentFacts.js';

/** https://developer.paypal.com/api/rest/webhooks/event-names: what becomes of money. All others are ignored. */
const kinds: ReadonlyMap<string, FactKind> = new Map([
  ['PAYMENT.CAPTURE.COMPLETED', 'PAYMENT'],
  ['PAYMENT.CAPTURE.DENIED', 'FAILURE'],
  ['PAYMENT.CAPTURE.DECLINED', 'FAILURE'],
  ['PAYMENT.CAPTURE.REFUNDED', 'REFUND'],
  ['PAYMENT.CAPTURE.REVERSED', 'REFUND'],
  ['CUSTOMER.DISPUTE.CREATED', 'DISPUTE'],
]);

export function paypalName(body: Members): EventName | undefined {
  const [id, type] = [textIn(body.id), textIn(body.event_type)];
  return id === null || type === null ? undefined : { id, type };
}

/** `…/v2/payments/captures/{id}`: of a refund, the capture that it gives back. */
function captureAbove(resource: Members): string | null {
  const links = Array.isArray(resource.links) ? resource.links.map(membersIn) : [];
  const above = textIn(links.find(({ rel }) => rel === 'up')?.href) ?? '';
  return /\/payments\/captures\/([A-Za-z0-9-]{1,50})$/.exec(above)?.[1] ?? null;
}

function disputeRead(resource: Members): EventReading {
  const [first] = Array.isArray(resource.disputed_transactions) ? resource.disputed_transactions : [];
  const transaction = membersIn(first);
  const { value, currency_code } = membersIn(resource.dispute_amount);
  const [reference, amount, currency] = [
    textIn(resource.dispute_id),
    amountIn(value),
    currencyIn(currency_code),
  ];
  if (reference === null || amount === undefined || currency === undefined) return 'UNREADABLE';
  return {
    kind: 'DISPUTE',
    invoice: invoiceIn(transaction.custom, transaction.invoice_number),
    reference,
    payment: textIn(transaction.seller_transaction_id),
    aliases: [],
    amount,
    currency,
    at: instantIn(resource.create_time),
    words: 'The buyer disputes the payment at PayPal.',
  };
}

export function readPaypal(body: Members): EventReading {
  const kind = kinds.get(textIn(body.event_type) ?? '');
  const resource = membersIn(body.resource);
  if (kind === undefined) return 'IGNORED';
  if (kind === 'DISPUTE') return disputeRead(resource);
  const { value, currency_code } = membersIn(resource.amount);
  const [reference, amount, currency] = [textIn(resource.id), amountIn(value), currencyIn(currency_code)];
  if (reference === null || amount === undefined || currency === undefined) return 'UNREADABLE';
  const related = membersIn(membersIn(resource.supplementary_data).related_ids);
  return {
    kind,
    invoice: invoiceIn(resource.custom_id, resource.invoice_id),
    reference,
    payment: kind === 'REFUND' ? (captureAbove(resource) ?? textIn(related.capture_id)) : null,
    aliases: textsIn(related.order_id),
    amount,
    currency,
    at: instantIn(resource.create_time),
    words: 'PayPal has denied the payment.',
  };
}
