import { type Instant, instant } from '../../core/clock.js';
import type { Amount } from '../../core/money.js';
import { declineOf } from './declines.js';
import {
  currencyIn,
  type EventName,
  type EventReading,
  invoiceIn,
  type Members,
  membersIn,
  type PaymentFact,
  textIn,
  textsIn,
} from './paymentFacts.js';
import { fromStripe } from './stripeAmounts.js';

export function stripeName(body: Members): EventName | undefined {
  const [id, type] = [textIn(body.id), textIn(body.type)];
  return id === null || type === null ? undefined : { id, type };
}

/** What stands in an event by its id may have been expanded to the thing itself. */
const idOf = (value: unknown): string | null => textIn(value) ?? textIn(membersIn(value).id);

function instantOf(seconds: unknown): Instant | null {
  const isTime = typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds > 0 && seconds < 4e9;
  return isTime ? instant(seconds * 1000) : null;
}

interface Money {
  readonly amount: Amount;
  readonly currency: string;
}

function moneyOf(units: unknown, code: unknown): Money | undefined {
  const currency = currencyIn(code);
  if (currency === undefined || typeof units !== 'number') return undefined;
  const amount = units > 0 ? fromStripe(units, currency) : undefined;
  return amount === undefined ? undefined : { amount, currency };
}

type Told = Pick<PaymentFact, 'kind' | 'reference'> &
  Partial<Pick<PaymentFact, 'payment' | 'attempt' | 'aliases' | 'invoice' | 'words'>>;

function fact(object: Members, money: Money | undefined, told: Told | undefined): EventReading {
  if (money === undefined || told === undefined) return 'UNREADABLE';
  return {
    invoice: invoiceIn(membersIn(object.metadata).invoice_id),
    payment: null,
    aliases: [],
    at: null,
    words: '',
    ...money,
    ...told,
  };
}

/** What is paid goes by its payment intent in every event; charges of old, without one, by themselves. */
function paymentOf(object: Members): string | null {
  return (
    idOf(object.payment_intent) ?? (object.object === 'charge' ? textIn(object.id) : idOf(object.charge))
  );
}

function intentPaid(object: Members): EventReading {
  const reference = textIn(object.id);
  const told =
    reference === null
      ? undefined
      : { kind: 'PAYMENT' as const, reference, aliases: textsIn(idOf(object.latest_charge)) };
  return fact(object, moneyOf(object.amount_received, object.currency), told);
}

/** Each try of a payment intent is a charge of its own, where the bank was asked at all. */
interface Try {
  readonly reference: string | null;
  readonly charge: string | null;
  readonly units: unknown;
}

function failure(object: Members, { reference, charge, units }: Try, error: Members): EventReading {
  const { words } = declineOf(textIn(error.decline_code) ?? textIn(error.code));
  const attempt = charge === null ? {} : { attempt: charge };
  const told = reference === null ? undefined : { kind: 'FAILURE' as const, reference, words, ...attempt };
  return fact(object, moneyOf(units, object.currency), told);
}

function intentFailed(object: Members): EventReading {
  const error = membersIn(object.last_payment_error);
  const charge = idOf(object.latest_charge) ?? textIn(error.charge);
  const reading = failure(object, { reference: textIn(object.id), charge, units: object.amount }, error);
  // Where the bank was not asked there is no charge, and this event alone tells of it.
  return typeof reading === 'string' ? reading : { ...reading, isOncePerTry: charge === null };
}

const chargeFailed = (object: Members): EventReading =>
  failure(
    object,
    { reference: paymentOf(object), charge: textIn(object.id), units: object.amount },
    { code: object.failure_code },
  );

function chargePaid(object: Members): EventReading {
  // Only authorised: what is captured comes with the event that says so.
  if (object.captured !== true) return 'IGNORED';
  const reference = paymentOf(object);
  const told =
    reference === null ? undefined : { kind: 'PAYMENT' as const, reference, aliases: textsIn(object.id) };
  return fact(object, moneyOf(object.amount_captured ?? object.amount, object.currency), told);
}

/** `amount_refunded` counts all refunds of the charge, that of this event and those before it. */
function chargeRefunded(object: Members): EventReading {
  const payment = paymentOf(object);
  const told =
    payment === null
      ? undefined
      : { kind: 'REFUNDED_TO_DATE' as const, reference: payment, payment, aliases: textsIn(object.id) };
  return fact(object, moneyOf(object.amount_refunded, object.currency), told);
}

function refundChanged(object: Members): EventReading {
  const { status } = object;
  if (status === 'pending' || status === 'requires_action') return 'IGNORED';
  const [reference, payment] = [textIn(object.id), paymentOf(object)];
  const kind = status === 'succeeded' ? ('REFUND' as const) : ('REFUND_FAILURE' as const);
  const words = 'The money could not be given back.';
  const told =
    reference === null
      ? undefined
      : { kind, reference, payment, words, aliases: textsIn(idOf(object.charge)) };
  return fact(object, moneyOf(object.amount, object.currency), told);
}

const sessionInvoice = (object: Members): PaymentFact['invoice'] =>
  invoiceIn(membersIn(object.metadata).invoice_id, object.client_reference_id);

function sessionPaid(object: Members): EventReading {
  if (object.payment_status !== 'paid' || object.amount_total === 0) return 'IGNORED';
  const reference = paymentOf(object) ?? idOf(object.invoice) ?? textIn(object.id);
  const told =
    reference === null
      ? undefined
      : { kind: 'PAYMENT' as const, reference, aliases: textsIn(object.id), invoice: sessionInvoice(object) };
  return fact(object, moneyOf(object.amount_total, object.currency), told);
}

function sessionFailed(object: Members): EventReading {
  const reading = failure(
    object,
    { reference: paymentOf(object) ?? textIn(object.id), charge: null, units: object.amount_total },
    {},
  );
  return typeof reading === 'string' ? reading : { ...reading, invoice: sessionInvoice(object) };
}

/** An invoice of Stripe's own names its payment at its top, since 2025 in the list of its payments, or not at all. */
function invoicePayment(object: Members): string | null {
  const { data } = membersIn(object.payments);
  const listed = Array.isArray(data)
    ? data.map((each) => membersIn(membersIn(each).payment).payment_intent)
    : [];
  const [first = null] = listed.flatMap((each) => idOf(each) ?? []);
  return paymentOf(object) ?? first ?? textIn(object.id);
}

function invoicePaid(object: Members): EventReading {
  if (object.amount_paid === 0) return 'IGNORED';
  const reference = invoicePayment(object);
  const told =
    reference === null ? undefined : { kind: 'PAYMENT' as const, reference, aliases: textsIn(object.id) };
  return fact(object, moneyOf(object.amount_paid, object.currency), told);
}

const invoiceFailed = (object: Members): EventReading =>
  failure(
    object,
    { reference: invoicePayment(object), charge: idOf(object.charge), units: object.amount_due },
    {},
  );

function disputed(object: Members): EventReading {
  const [reference, payment] = [textIn(object.id), paymentOf(object)];
  const words = 'The holder of the card disputes the payment at the bank.';
  const told =
    reference === null
      ? undefined
      : { kind: 'DISPUTE' as const, reference, payment, words, aliases: textsIn(idOf(object.charge)) };
  return fact(object, moneyOf(object.amount, object.currency), told);
}

/** https://docs.stripe.com/api/events/types: what becomes of money. All others are ignored. */
const readers: ReadonlyMap<string, (object: Members) => EventReading> = new Map(
  Object.entries({
    'payment_intent.succeeded': intentPaid,
    'payment_intent.payment_failed': intentFailed,
    'charge.succeeded': chargePaid,
    'charge.captured': chargePaid,
    'charge.failed': chargeFailed,
    'charge.refunded': chargeRefunded,
    'refund.created': refundChanged,
    'refund.updated': refundChanged,
    'refund.failed': refundChanged,
    'charge.refund.updated': refundChanged,
    'checkout.session.completed': sessionPaid,
    'checkout.session.async_payment_succeeded': sessionPaid,
    'checkout.session.async_payment_failed': sessionFailed,
    'invoice.paid': invoicePaid,
    'invoice.payment_failed': invoiceFailed,
    'charge.dispute.created': disputed,
  }),
);

/**
 * It happened when its event was made: a payment is made days before a slow bank has paid, and what is told of a refund is
 * its charge.
 */
export function readStripe(body: Members): EventReading {
  const read = readers.get(textIn(body.type) ?? '');
  const reading = read === undefined ? 'IGNORED' : read(membersIn(membersIn(body.data).object));
  return typeof reading === 'string' ? reading : { ...reading, at: instantOf(body.created) };
}
