import { declineOf } from '../model/declines.js';
import { toStripe } from '../model/stripeAmounts.js';
import type { ChargeAnswer, ChargeRequest, Charging, PayerOwner, RefundRequest } from './charging.js';
import {
  askStripe,
  membersOf,
  type StripeAccount,
  type StripeAnswer,
  type StripeRequest,
  textIn,
} from './stripeRequests.js';

type Members = Readonly<Record<string, unknown>>;
type Reader = (object: Members) => ChargeAnswer;

/** Pages of a hundred that are looked through: one customer has paid less often. */
const PAGES = 50;

const unknown = (
  reason: Extract<ChargeAnswer, { outcome: 'UNKNOWN' }>['reason'],
  retryAfterSeconds = 0,
): ChargeAnswer => ({ outcome: 'UNKNOWN', reason, retryAfterSeconds });

function declined(
  code: string | null,
  reference: string | null,
  attempt: string | null = null,
): ChargeAnswer {
  const { code: told, words } = declineOf(code);
  return { outcome: 'DECLINED', reference, attempt, code: told, words };
}

function codeOf(error: Members): string | null {
  return textIn(error, 'decline_code') ?? textIn(error, 'code');
}

/** https://docs.stripe.com/payments/paymentintents/lifecycle; what would need its holder to act is declined off session. */
function paymentRead(intent: Members): ChargeAnswer {
  const reference = textIn(intent, 'id');
  const status = textIn(intent, 'status');
  if (reference === null || status === null) return unknown('INVALID_RESPONSE');
  if (status === 'succeeded') return { outcome: 'SUCCEEDED', reference };
  if (status === 'processing') return { outcome: 'PENDING', reference };
  const error = membersOf(intent.last_payment_error);
  const code = status === 'requires_action' ? 'authentication_required' : codeOf(error);
  return declined(code, reference, textIn(intent, 'latest_charge') ?? textIn(error, 'charge'));
}

function refundRead(refund: Members): ChargeAnswer {
  const reference = textIn(refund, 'id');
  const status = textIn(refund, 'status');
  if (reference === null || status === null) return unknown('INVALID_RESPONSE');
  if (status === 'succeeded') return { outcome: 'SUCCEEDED', reference };
  if (status === 'failed' || status === 'canceled')
    return declined(textIn(refund, 'failure_reason'), reference);
  return { outcome: 'PENDING', reference };
}

/** An error of https://docs.stripe.com/api/errors: which say that nothing was done, and which do not say. */
function errorRead(status: number, body: Members, retryAfter: number): ChargeAnswer {
  const error = membersOf(body.error);
  const type = textIn(error, 'type');
  if (status === 402) {
    const intent = membersOf(error.payment_intent);
    const attempt = textIn(error, 'charge') ?? textIn(intent, 'latest_charge');
    return declined(codeOf(error), textIn(intent, 'id'), attempt);
  }
  if (status === 409) return unknown('IN_USE', retryAfter);
  // Under this key something else was asked: what became of that, nobody has said.
  if (type === 'idempotency_error') return unknown('KEY_REUSED');
  if (status === 429) return unknown('BUSY', retryAfter);
  if (status >= 500) return unknown('FAILED', retryAfter);
  if (status === 401 || status === 403) return unknown('REFUSED');
  return type === 'invalid_request_error' ? declined(codeOf(error), null) : unknown('INVALID_RESPONSE');
}

function answerRead(answer: StripeAnswer, read: Reader): ChargeAnswer {
  if (answer.status === undefined) return unknown(answer.reason);
  const { status, body, retryAfter } = answer;
  return status >= 200 && status < 300 ? read(body) : errorRead(status, body, retryAfter);
}

const paymentFields = (request: ChargeRequest, amount: string): Record<string, string> => ({
  amount,
  currency: request.currency.toLowerCase(),
  customer: request.customer,
  payment_method: request.method,
  confirm: 'true',
  off_session: 'true',
  'metadata[invoice_id]': request.invoiceId,
  'metadata[charge_id]': request.chargeId,
});

const refundFields = (request: RefundRequest, amount: string): Record<string, string> => ({
  payment_intent: request.payment,
  amount,
  'metadata[invoice_id]': request.invoiceId,
  'metadata[charge_id]': request.chargeId,
});

/** What is listed there with our own id of it; lists are complete as soon as a thing is made, unlike the search. */
async function found(
  account: StripeAccount,
  request: Pick<StripeRequest, 'path' | 'fields'>,
  chargeId: string,
  read: Reader,
): Promise<ChargeAnswer | undefined> {
  let after: string | null = null;
  for (let page = 0; page < PAGES; page += 1) {
    const fields = {
      ...request.fields,
      limit: '100',
      ...(after === null ? {} : { starting_after: after }),
    };
    const answer = await askStripe(account, { method: 'GET', path: request.path, fields });
    if (answer.status !== 200) return notListed(answer);
    const { data } = answer.body;
    const listed = Array.isArray(data) ? data.map(membersOf) : [];
    const ours = listed.find((object) => membersOf(object.metadata).charge_id === chargeId);
    if (ours !== undefined) return read(ours);
    after = textIn(listed.at(-1) ?? {}, 'id');
    if (answer.body.has_more !== true || after === null) return undefined;
  }
  return unknown('INVALID_RESPONSE');
}

/** What whoever runs the account writes on a customer of it: the tenant, and of its customers the one whose payer it is. */
const TENANT = 'licensegraph_tenant';
const CUSTOMER = 'licensegraph_customer';

function payerRead(payer: Members, { tenantId, customerId }: PayerOwner): ChargeAnswer | undefined {
  if (payer.deleted === true) return declined('resource_missing', null);
  const { [TENANT]: tenant, [CUSTOMER]: customer = customerId } = membersOf(payer.metadata);
  return tenant === tenantId && customer === customerId ? undefined : declined('payer_unverified', null);
}

/** Whatever is said of a customer that is gone, or of a payment that is not there: nothing was made of it. */
function notListed(answer: StripeAnswer): ChargeAnswer | undefined {
  const read = answerRead(answer, () => unknown('INVALID_RESPONSE'));
  return read.outcome === 'DECLINED' && answer.status === 404 ? undefined : toUnknown(read);
}

const toUnknown = (read: ChargeAnswer): ChargeAnswer =>
  read.outcome === 'UNKNOWN' ? read : unknown('INVALID_RESPONSE');

/** Charges cards and accounts that were saved at Stripe, of people who are not there to confirm. */
export function stripeCharging(account: StripeAccount): Charging {
  const ask = async (request: Omit<StripeRequest, 'method'>, read: Reader): Promise<ChargeAnswer> =>
    answerRead(await askStripe(account, { method: 'POST', ...request }), read);
  return {
    charge: async (request) => {
      const { idempotencyKey, amount, currency } = request;
      const units = toStripe(amount, currency);
      if (units === undefined) return declined('amount_not_chargeable', null);
      const fields = paymentFields(request, units);
      return ask({ path: '/v1/payment_intents', fields, idempotencyKey }, paymentRead);
    },
    refusalOf: async (payer, owner) => {
      const path = `/v1/customers/${encodeURIComponent(payer)}`;
      const answer = await askStripe(account, { method: 'GET', path, fields: {} });
      if (answer.status === 200) return payerRead(answer.body, owner);
      if (answer.status === 404) return declined('resource_missing', null);
      return toUnknown(answerRead(answer, () => unknown('INVALID_RESPONSE')));
    },
    refund: async (request) => {
      const { idempotencyKey, amount, currency } = request;
      const units = toStripe(amount, currency);
      if (units === undefined) return declined('amount_not_chargeable', null);
      const fields = refundFields(request, units);
      return ask({ path: '/v1/refunds', fields, idempotencyKey }, refundRead);
    },
    findCharge: ({ customer, chargeId }) =>
      found(account, { path: '/v1/payment_intents', fields: { customer } }, chargeId, paymentRead),
    findRefund: ({ payment, chargeId }) =>
      found(account, { path: '/v1/refunds', fields: { payment_intent: payment } }, chargeId, refundRead),
  };
}
