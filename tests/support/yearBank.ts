import type { StripeBehaviour, StripeServer } from './stripeServer.js';
import { BUSY_SECONDS, SLOW_MILLIS, stepOf, type Wallet, wallets } from './yearWallets.js';

/** Answers that are waited for in vain, seconds each: later ones are cut off at once. */
const HANGING = 1;

const busy: StripeBehaviour = {
  status: 429,
  error: { type: 'rate_limit_error', message: 'Too many requests.' },
  headers: { 'retry-after': String(BUSY_SECONDS) },
};

/** Does to each payment what stands in the script of whoever pays: a payment method is named after it. */
export class YearBank {
  readonly #heard = new Map<string, number>();
  /** When a slow bank was told of an invoice; it has one at a time. */
  readonly #begun = new Map<string, number>();
  #hung = 0;

  constructor(readonly stripe: StripeServer) {
    stripe.behaviour = (form) => this.#behaviour(form);
  }

  #behaviour(form: URLSearchParams): StripeBehaviour {
    const [invoice, method] = [form.get('metadata[invoice_id]') ?? '', form.get('payment_method') ?? ''];
    const before = this.#heard.get(invoice) ?? 0;
    this.#heard.set(invoice, before + 1);
    const step = stepOf(walletOf(method), before);
    if (step.startsWith('declined ')) return { decline: step.slice('declined '.length) };
    if (step === 'BUSY') return busy;
    if (step === 'SLOW' || step === 'BOUNCE') {
      this.#begun.set(invoice, this.stripe.now);
      return 'PROCESS';
    }
    if (step === 'TAKE_AND_HANG') this.#hung += 1;
    return step === 'TAKE_AND_HANG' && this.#hung > HANGING ? 'TAKE_AND_CUT' : (step as StripeBehaviour);
  }

  /** What slow banks know by now. */
  settle(now = this.stripe.now): void {
    const { intents } = this.stripe;
    for (const intent of intents.filter(({ status }) => status === 'processing')) {
      if ((this.#begun.get(intent.metadata.invoice_id ?? '') ?? now) + SLOW_MILLIS > now) continue;
      const bounces = walletOf(intent.payment_method ?? '') === 'bounces';
      intent.status = bounces ? 'requires_payment_method' : 'succeeded';
      if (bounces) intent.last_payment_error = { type: 'card_error', decline_code: 'insufficient_funds' };
    }
  }
}

function walletOf(method: string): Wallet {
  const name = /^pm_([a-z]+)_/.exec(method)?.[1];
  const wallet = wallets.find((known) => known === name);
  if (wallet === undefined) throw new Error(`nobody knows the payment method ${method}`);
  return wallet;
}
