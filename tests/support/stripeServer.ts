import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const STRIPE_KEY = 'sk_test_51LicenseGraphSecretOfThisDeployment';
const DAY_MILLIS = 86_400_000;

/** What happens to a request that moves money: what the bank says, and whether the answer arrives. */
export type StripeBehaviour =
  | 'TAKE'
  | 'PROCESS'
  | { readonly decline: string }
  | { readonly status: number; readonly error: object; readonly headers?: Record<string, string> }
  /** The money is taken, and the answer never comes, or the connection ends instead. */
  | 'TAKE_AND_HANG'
  | 'TAKE_AND_CUT'
  | 'TAKE_AND_FAIL'
  /** Nothing is taken, and nobody says so. */
  | 'HANG'
  | 'CUT'
  | 'FAIL';

export interface StripeObject {
  readonly id: string;
  readonly object: 'payment_intent' | 'refund';
  status: string;
  readonly amount: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly payment_method: string | null;
  readonly payment_intent: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly latest_charge: string | null;
  last_payment_error: object | null;
  readonly created: number;
}

interface Kept {
  readonly form: string;
  readonly at: number;
  answer: { readonly status: number; readonly body: object } | undefined;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly form: string;
  readonly headers: IncomingMessage['headers'];
}

const cardError = (code: string, intent: StripeObject): object => ({
  type: 'card_error',
  code: code === 'authentication_required' || code === 'expired_card' ? code : 'card_declined',
  decline_code: code,
  message: `Your card was declined: ${code}, says the bank to ${STRIPE_KEY}.`,
  payment_intent: intent,
  charge: `ch_${intent.id}`,
});

/**
 * Stripe's API as it is documented, as far as charges go: payment intents that are made and confirmed at once, refunds,
 * lists by customer, and idempotency keys that are kept for a day. It listens on a port of this machine.
 */
export class StripeServer {
  readonly intents: StripeObject[] = [];
  readonly refunds: StripeObject[] = [];
  readonly asked: Asked[] = [];
  /** By its own clock, as Stripe forgets keys. */
  now = Date.now();
  /** What the operator of the account has written on a customer of it: whose payer that is. Undefined is none there. */
  metadataOf: (customer: string) => Promise<Record<string, unknown> | undefined> = async () => undefined;
  behaviour: (form: URLSearchParams, path: string) => StripeBehaviour | Promise<StripeBehaviour> = () =>
    'TAKE';
  /** Whoever comes is cut off before a word is said. */
  isDown = false;
  readonly #keys = new Map<string, Kept>();
  readonly #server: Server;
  #count = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async open(): Promise<StripeServer> {
    const stripe = new StripeServer();
    await new Promise<void>((resolve) => void stripe.#server.listen(0, '127.0.0.1', resolve));
    return stripe;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Settings of a server that charges here. */
  get environment(): NodeJS.ProcessEnv {
    return { LG_STRIPE_SECRET_KEY: STRIPE_KEY, LG_STRIPE_URL: this.url };
  }

  /** Payments that took money, of an invoice or of all. */
  taken(invoiceId?: string): StripeObject[] {
    return this.intents.filter(
      ({ status, metadata }) =>
        status === 'succeeded' && (invoiceId === undefined || metadata.invoice_id === invoiceId),
    );
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.isDown) return void response.destroy();
    let form = '';
    for await (const chunk of request) form += String(chunk);
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const method = request.method ?? '';
    this.asked.push({
      method,
      path: pathname,
      form: form || searchParams.toString(),
      headers: request.headers,
    });
    if (request.headers.authorization !== `Bearer ${STRIPE_KEY}`) {
      const message = `Invalid API Key provided: ${request.headers.authorization}`;
      return this.#answer(response, 401, { error: { type: 'invalid_request_error', message } });
    }
    const customer = /^\/v1\/customers\/(\w+)$/.exec(pathname)?.[1];
    if (customer !== undefined) return this.#customer(response, customer);
    if (method === 'GET') return this.#answer(response, 200, this.#list(pathname, searchParams));
    await this.#post(
      pathname,
      new URLSearchParams(form).toString(),
      request.headers['idempotency-key'],
      response,
    );
  }

  #answer(response: ServerResponse, status: number, body: object, headers: object = {}): void {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }

  async #customer(response: ServerResponse, id: string): Promise<void> {
    const metadata = await this.metadataOf(id);
    if (metadata !== undefined) return this.#answer(response, 200, { id, object: 'customer', metadata });
    const error = { type: 'invalid_request_error', code: 'resource_missing', message: 'No such customer' };
    this.#answer(response, 404, { error });
  }

  #list(path: string, query: URLSearchParams): object {
    const all = path === '/v1/refunds' ? this.refunds : this.intents;
    const wanted = [...all]
      .reverse()
      .filter(({ customer }) => !query.has('customer') || customer === query.get('customer'))
      .filter((each) => !query.has('payment_intent') || each.payment_intent === query.get('payment_intent'));
    const from = wanted.findIndex(({ id }) => id === query.get('starting_after')) + 1;
    const limit = Number(query.get('limit') ?? 10);
    const data = wanted.slice(from, from + limit);
    return { object: 'list', url: path, data, has_more: from + limit < wanted.length };
  }

  async #post(path: string, form: string, key: unknown, response: ServerResponse): Promise<void> {
    const name = `${path} ${String(key)}`;
    const before = this.#keys.get(name);
    const known = before !== undefined && this.now - before.at < DAY_MILLIS ? before : undefined;
    if (known !== undefined && known.form !== form) {
      const error = {
        type: 'idempotency_error',
        message: `Keys for idempotent requests can only be used with the same parameters.`,
      };
      return this.#answer(response, 400, { error });
    }
    if (known?.answer !== undefined) {
      const { status, body } = known.answer;
      return this.#answer(response, status, body, { 'idempotent-replayed': 'true' });
    }
    if (known !== undefined) {
      const error = { type: 'invalid_request_error', code: 'idempotency_key_in_use', message: 'In use.' };
      return this.#answer(response, 409, { error });
    }
    const kept: Kept = { form, at: this.now, answer: undefined };
    if (key !== undefined) this.#keys.set(name, kept);
    await this.#act(path, new URLSearchParams(form), kept, response, () => this.#keys.delete(name));
  }

  async #act(
    path: string,
    form: URLSearchParams,
    kept: Kept,
    response: ServerResponse,
    forget: () => void,
  ): Promise<void> {
    const behaviour = await this.behaviour(form, path);
    if (behaviour === 'HANG' || behaviour === 'CUT') {
      forget();
      if (behaviour === 'CUT') response.destroy();
      return;
    }
    if (typeof behaviour === 'object' && 'status' in behaviour) {
      // What was refused before it was begun is not kept, nor what came too often.
      forget();
      return this.#answer(response, behaviour.status, { error: behaviour.error }, behaviour.headers);
    }
    if (behaviour === 'FAIL') {
      kept.answer = { status: 500, body: { error: { type: 'api_error', message: 'An error occurred.' } } };
      return this.#answer(response, kept.answer.status, kept.answer.body);
    }
    const made = this.#make(path, form, behaviour);
    const code = typeof behaviour === 'object' ? behaviour.decline : undefined;
    kept.answer =
      code === undefined
        ? { status: 200, body: made }
        : { status: 402, body: { error: cardError(code, made) } };
    if (behaviour === 'TAKE_AND_FAIL')
      kept.answer = { status: 500, body: { error: { type: 'api_error', message: 'An error occurred.' } } };
    if (behaviour === 'TAKE_AND_CUT') response.destroy();
    else if (behaviour !== 'TAKE_AND_HANG') this.#answer(response, kept.answer.status, kept.answer.body);
  }

  #make(path: string, form: URLSearchParams, behaviour: StripeBehaviour): StripeObject {
    this.#count += 1;
    const isRefund = path === '/v1/refunds';
    // What goes back is of the currency that came.
    const paid = this.intents.find((intent) => intent.id === form.get('payment_intent'));
    const metadata = Object.fromEntries(
      [...form].flatMap(([name, value]) => {
        const inner = /^metadata\[(\w+)\]$/.exec(name)?.[1];
        return inner === undefined ? [] : [[inner, value]];
      }),
    );
    const declines = typeof behaviour === 'object' && 'decline' in behaviour;
    const settled = behaviour === 'PROCESS' ? 'processing' : 'succeeded';
    const id = `${isRefund ? 're' : 'pi'}_${String(this.#count).padStart(24, '0')}`;
    const made: StripeObject = {
      id,
      latest_charge: isRefund ? null : `ch_${id}`,
      object: isRefund ? 'refund' : 'payment_intent',
      status: declines ? 'requires_payment_method' : settled,
      amount: Number(form.get('amount')),
      currency: form.get('currency') ?? paid?.currency ?? '',
      customer: form.get('customer'),
      payment_method: form.get('payment_method'),
      payment_intent: form.get('payment_intent'),
      metadata,
      last_payment_error: declines ? { type: 'card_error', decline_code: behaviour.decline } : null,
      created: Math.floor(this.now / 1000),
    };
    (isRefund ? this.refunds : this.intents).push(made);
    return made;
  }
}
