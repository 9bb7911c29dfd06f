import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StripeBehaviour, StripeObject, StripeServer } from './stripeServer.js';
import { BUSY_SECONDS, SLOW_MILLIS, type Step, stepOf, type Wallet, wallets } from './yearWallets.js';

/** Answers that are waited for in vain, seconds each: later ones are cut off at once. */
const HANGING = 1;

const busy: StripeBehaviour = {
  status: 429,
  error: { type: 'rate_limit_error', message: 'Too many requests.' },
  headers: { 'retry-after': String(BUSY_SECONDS) },
};

const disputed: StripeBehaviour = {
  status: 400,
  error: { type: 'invalid_request_error', code: 'charge_disputed', message: 'Disputed.' },
};

/** Does to each payment what stands in the script of whoever pays: a payment method is named after it. */
export class YearBank {
  readonly #heard = new Map<string, number>();
  /** When a slow bank was told of an invoice; it has one at a time. */
  readonly #begun = new Map<string, number>();
  /** Milliseconds for whatever is asked: which of two things that are asked for at once happens first. */
  takes = { payer: 0, charge: 0, refund: 0 };
  #hung = 0;

  constructor(readonly stripe: StripeServer) {
    stripe.behaviour = async (form, path) => {
      const isRefund = path === '/v1/refunds';
      await sleep(isRefund ? this.takes.refund : this.takes.charge);
      return isRefund ? this.#refund(form) : this.#charge(form);
    };
    const { metadataOf } = stripe;
    stripe.metadataOf = async (payer) => {
      await sleep(this.takes.payer);
      return metadataOf(payer);
    };
  }

  #payment(id: string | null): StripeObject {
    const payment = this.stripe.intents.find((intent) => intent.id === id);
    if (payment === undefined) throw new Error(`the bank knows no payment ${id}`);
    return payment;
  }

  #charge(form: URLSearchParams): StripeBehaviour {
    const invoice = form.get('metadata[invoice_id]') ?? '';
    const step = this.#step(invoice, form.get('payment_method'));
    return step.startsWith('declined ')
      ? { decline: step.slice('declined '.length) }
      : this.#does(invoice, step);
  }

  #refund(form: URLSearchParams): StripeBehaviour {
    const payment = this.#payment(form.get('payment_intent'));
    const invoice = payment.metadata.invoice_id ?? '';
    const step = this.#step(`back ${invoice}`, payment.payment_method);
    return step.startsWith('declined ') ? disputed : this.#does(`back ${invoice}`, step);
  }

  #step(what: string, method: string | null): Step {
    const before = this.#heard.get(what) ?? 0;
    this.#heard.set(what, before + 1);
    return stepOf(walletOf(method ?? ''), before);
  }

  #does(what: string, step: Step): StripeBehaviour {
    if (step === 'BUSY') return busy;
    if (step === 'SLOW' || step === 'BOUNCE') {
      this.#begun.set(what, this.stripe.now);
      return 'PROCESS';
    }
    if (step === 'TAKE_AND_HANG') this.#hung += 1;
    return step === 'TAKE_AND_HANG' && this.#hung > HANGING ? 'TAKE_AND_CUT' : (step as StripeBehaviour);
  }

  /** What slow banks know by now. */
  settle(now = this.stripe.now): void {
    const { intents, refunds } = this.stripe;
    for (const intent of intents.filter(({ status }) => status === 'processing')) {
      if (!this.#isOver(intent.metadata.invoice_id ?? '', now)) continue;
      const bounces = walletOf(intent.payment_method ?? '') === 'bounces';
      intent.status = bounces ? 'requires_payment_method' : 'succeeded';
      if (bounces) intent.last_payment_error = { type: 'card_error', decline_code: 'insufficient_funds' };
    }
    for (const refund of refunds.filter(({ status }) => status === 'processing')) {
      const { metadata, payment_method } = this.#payment(refund.payment_intent);
      if (!this.#isOver(`back ${metadata.invoice_id}`, now)) continue;
      refund.status = walletOf(payment_method ?? '') === 'bounces' ? 'failed' : 'succeeded';
    }
  }

  #isOver(what: string, now: number): boolean {
    return (this.#begun.get(what) ?? now) + SLOW_MILLIS <= now;
  }

  /** Somebody gives money back at the processor's own page; what it is called there. */
  giveBack(payment: StripeObject, amount: number): StripeObject {
    const { currency, id: payment_intent } = payment;
    const refund: StripeObject = {
      ...{ id: `re_page_${randomUUID().replaceAll('-', '')}`, object: 'refund', status: 'succeeded' },
      ...{ amount, currency, payment_intent, customer: null, payment_method: null, metadata: {} },
      ...{ latest_charge: null, last_payment_error: null, created: Math.floor(this.stripe.now / 1000) },
    };
    this.stripe.refunds.push(refund);
    return refund;
  }

  /** What went back of a payment, as it is on record there. */
  wentBack({ id }: StripeObject): StripeObject[] {
    return this.stripe.refunds.filter(
      ({ payment_intent, status }) => payment_intent === id && status === 'succeeded',
    );
  }
}

function walletOf(method: string): Wallet {
  const name = /^pm_([a-z]+)_/.exec(method)?.[1];
  const wallet = wallets.find((known) => known === name);
  if (wallet === undefined) throw new Error(`nobody knows the payment method ${method}`);
  return wallet;
}
