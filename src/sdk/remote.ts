import { randomUUID } from 'node:crypto';
import type { Decision, Licensee, Use } from './licensee.js';

export interface RemoteOptions {
  /** The address of the license server's graph: `https://licenses.example.com/graphql`. */
  readonly url: string;
  /** An API key with the permission `feature.consume`. */
  readonly apiKey: string;
  /** After how long a try is given up; there are two. */
  readonly timeoutMillis?: number;
  /** For tests and proxies; the platform's own otherwise. */
  readonly fetch?: typeof fetch;
}

/** The server cannot be asked: it is away, too slow or failing. What it decides is never this. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** The server has answered that it will not: the key, the licensee or the question does not fit. */
export class Declined extends Error {
  override readonly name = 'Declined';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Codes that say nothing about the question: asked again in a moment, it may be answered. */
const passing = new Set([
  'INTERNAL_SERVER_ERROR',
  'OPERATION_TIMEOUT',
  'SERVER_BUSY',
  'SERVER_STOPPING',
  'RATE_LIMITED',
  'REQUEST_TIMEOUT',
  'IDEMPOTENCY_KEY_IN_USE',
]);

const VERDICTS = 'verdicts { featureId granted code message refusedFeatureId lines limit used windowEndsAt }';
const CHECK = `query ($licensee: LicenseeInput, $uses: [FeatureUseInput!]!) {
  answer: checkFeatures(licensee: $licensee, uses: $uses) { ${VERDICTS} } }`;
const CONSUME = `mutation ($input: ConsumeFeaturesInput!) {
  answer: consumeFeatures(input: $input) { grantId ${VERDICTS} } }`;
const REFUND = `mutation ($input: RefundFeaturesInput!) { answer: refundFeatures(input: $input) { refunds { units } } }`;
const ENTITLEMENTS = `query ($licensee: LicenseeInput) { answer: entitlementSet(licensee: $licensee) { token } }`;

interface Answered {
  readonly data?: { readonly answer?: unknown } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

const DEFAULT_MILLIS = 2_000;
const TRIES = 2;

function licenseeInput(licensee: Licensee): object | null {
  return licensee === 'SELF' ? null : licensee;
}

/** Asks a license server over HTTP. A mutation is sent again under its own key: it is done once, whatever was lost. */
export class Remote {
  constructor(private readonly options: RemoteOptions) {}

  /** One call: units are drawn if any are asked for, all or none. */
  async decide(licensee: Licensee, uses: readonly Use[]): Promise<Decision> {
    const asked = { licensee: licenseeInput(licensee), uses };
    const draws = uses.some(({ amount }) => amount > 0);
    const answer = draws ? await this.#ask(CONSUME, { input: asked }) : await this.#ask(CHECK, asked);
    const { verdicts, grantId = null } = answer as Decision;
    return { verdicts, grantId, uncounted: null };
  }

  async refund(licensee: Licensee, grantId: string, lines: readonly number[]): Promise<void> {
    await this.#ask(REFUND, { input: { licensee: licenseeInput(licensee), grantId, lines } });
  }

  async entitlementSet(licensee: Licensee): Promise<string> {
    const answer = await this.#ask(ENTITLEMENTS, { licensee: licenseeInput(licensee) });
    return (answer as { token: string }).token;
  }

  /** The public keys, fresh: whoever asks has met one that he does not know. */
  async publicKeys(): Promise<unknown> {
    const response = await this.#fetch(new URL('/.well-known/jwks.json', this.options.url), {
      headers: { 'cache-control': 'no-cache' },
    });
    if (!response.ok) throw new Unreachable(`the keys were answered with ${response.status}`);
    return response.json();
  }

  async #fetch(url: URL | string, init: RequestInit): Promise<Response> {
    const { fetch: own, timeoutMillis = DEFAULT_MILLIS } = this.options;
    try {
      return await (own ?? fetch)(url, { ...init, signal: AbortSignal.timeout(timeoutMillis) });
    } catch (error) {
      throw new Unreachable('the license server was not reached', { cause: error });
    }
  }

  async #ask(query: string, variables: object): Promise<unknown> {
    const body = JSON.stringify({ query, variables });
    const key = randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send(body, key);
      } catch (error) {
        if (!(error instanceof Unreachable) || attempt === TRIES) throw error;
      }
    }
  }

  async #send(body: string, key: string): Promise<unknown> {
    const { url, apiKey } = this.options;
    const response = await this.#fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        authorization: `Bearer ${apiKey}`,
        'idempotency-key': key,
      },
      body,
    });
    const { data, errors } = await read(response);
    const [error] = errors ?? [];
    const code = error?.extensions?.code ?? 'INTERNAL_SERVER_ERROR';
    if (error !== undefined && !passing.has(code)) throw new Declined(code, error.message);
    if (error !== undefined || data?.answer == null)
      throw new Unreachable(`the license server answered ${code}`);
    return data.answer;
  }
}

async function read(response: Response): Promise<Answered> {
  try {
    const answered: unknown = await response.json();
    return typeof answered === 'object' && answered !== null ? answered : {};
  } catch (error) {
    throw new Unreachable(`the license server answered ${response.status}`, { cause: error });
  }
}
