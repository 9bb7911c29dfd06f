import { decisionIn, fieldsOf, jsonOf } from './answers.js';
import { Circuit, type CircuitOptions, type CircuitState } from './circuit.js';
import type { Decision, Licensee, Use } from './licensee.js';
import { Declined, Unreachable } from './outage.js';

export interface RemoteOptions {
  /** The address of the license server's graph: `https://licenses.example.com/graphql`. */
  readonly url: string;
  /** An API key with the permission `feature.consume`; it never leaves for another address than `url`. */
  readonly apiKey: string;
  /** After how many milliseconds a try is given up; 2,000. There are two tries. */
  readonly timeoutMillis?: number;
  /** When a server that does not answer is left alone for a while. */
  readonly circuit?: CircuitOptions;
  /** For tests and proxies; the platform's own otherwise, which keeps its connections open. */
  readonly fetch?: typeof fetch;
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

const VERDICTS = `verdicts { featureId granted code message refusedFeatureId lines limit used windowEndsAt
    hints { lapsedLicense { licenseId status endedAt } upgrades { templateId templateName } } }`;
const CHECK = `query ($licensee: LicenseeInput, $uses: [FeatureUseInput!]!) {
  answer: checkFeatures(licensee: $licensee, uses: $uses) { ${VERDICTS} } }`;
const CONSUME = `mutation ($input: ConsumeFeaturesInput!) {
  answer: consumeFeatures(input: $input) { grantId ${VERDICTS} } }`;
const REFUND = `mutation ($input: RefundFeaturesInput!) { answer: refundFeatures(input: $input) { refunds { units } } }`;
const ENTITLEMENTS = `query ($licensee: LicenseeInput) { answer: entitlementSet(licensee: $licensee) { token } }`;

const DEFAULT_MILLIS = 2_000;
const TRIES = 2;

const isOutage = (error: unknown): boolean => error instanceof Unreachable;
const leftAlone = (): Error => new Unreachable('the license server did not answer lately and is left alone');

const fieldNames = (fields: unknown): string[] =>
  Array.isArray(fields) ? fields.map((each) => String(fieldsOf(each).field)) : [];

function licenseeInput(licensee: Licensee): object | null {
  return licensee === 'SELF' ? null : licensee;
}

/**
 * Paths are compared and never told: a number stands in the place of each response name, so that no alias that a caller
 * makes up is too long for a question, and none leaves the host.
 */
function sent(uses: readonly Use[]): Use[] {
  const numbers = new Map<string, number>();
  const numberOf = (name: string): number => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  };
  return uses.map((use) =>
    use.path === undefined ? use : { ...use, path: use.path.split('.').map(numberOf).join('.') },
  );
}

function requireOptions({ url, apiKey, timeoutMillis = DEFAULT_MILLIS }: RemoteOptions): void {
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new TypeError('url: has to be the address of a license server, https://…/graphql');
  if (typeof apiKey !== 'string' || !/^[\x21-\x7e]+$/.test(apiKey))
    throw new TypeError('apiKey: has to be an API key with the permission feature.consume');
  if (!(timeoutMillis > 0)) throw new TypeError('timeoutMillis: has to be more than 0');
}

/** Asks a license server over HTTP. A mutation is sent again under its own key: it is done once, whatever was lost. */
export class Remote {
  readonly #circuit: Circuit;

  constructor(private readonly options: RemoteOptions) {
    requireOptions(options);
    this.#circuit = new Circuit(options.circuit ?? {}, () => performance.now());
  }

  get circuit(): CircuitState {
    return this.#circuit.state;
  }

  /** One call: units are drawn if any are asked for, all or none. */
  async draw(licensee: Licensee, uses: readonly Use[]): Promise<Decision> {
    const answer = await this.#ask(CONSUME, {
      input: { licensee: licenseeInput(licensee), uses: sent(uses) },
    });
    return decisionIn(
      answer,
      uses.map(({ featureId }) => featureId),
    );
  }

  /** One call: what drawing them would answer, and nothing is drawn. */
  async check(licensee: Licensee, uses: readonly Use[]): Promise<Decision> {
    const answer = await this.#ask(CHECK, { licensee: licenseeInput(licensee), uses: sent(uses) });
    return decisionIn(
      answer,
      uses.map(({ featureId }) => featureId),
    );
  }

  async refund(licensee: Licensee, grantId: string, lines: readonly number[]): Promise<void> {
    await this.#ask(REFUND, { input: { licensee: licenseeInput(licensee), grantId, lines } });
  }

  async entitlementSet(licensee: Licensee): Promise<string> {
    const { token } = fieldsOf(await this.#ask(ENTITLEMENTS, { licensee: licenseeInput(licensee) }));
    if (typeof token !== 'string') throw new Unreachable('the license server answered no entitlement set');
    return token;
  }

  /** The public keys, fresh. They stand beside the graph: `/.well-known/jwks.json`. */
  async publicKeys(): Promise<unknown> {
    const response = await this.#fetch(new URL('.well-known/jwks.json', this.options.url), {
      headers: { 'cache-control': 'no-cache' },
    });
    if (!response.ok) throw new Unreachable(`the keys were answered with ${response.status}`);
    return jsonOf(response);
  }

  async #fetch(url: URL | string, init: RequestInit): Promise<Response> {
    const { fetch: own, timeoutMillis = DEFAULT_MILLIS } = this.options;
    const signal = AbortSignal.timeout(timeoutMillis);
    try {
      return await (own ?? fetch)(url, { ...init, redirect: 'error', signal });
    } catch (error) {
      throw new Unreachable('the license server was not reached', { cause: error });
    }
  }

  #ask(query: string, variables: object): Promise<unknown> {
    const body = JSON.stringify({ query, variables });
    const key = crypto.randomUUID();
    return this.#circuit.run(() => this.#trying(body, key), isOutage, leftAlone);
  }

  async #trying(body: string, key: string): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send(body, key);
      } catch (error) {
        if (!isOutage(error) || attempt === TRIES) throw error;
      }
    }
  }

  async #send(body: string, key: string): Promise<unknown> {
    const { url, apiKey } = this.options;
    const response = await this.#fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        authorization: `Bearer ${apiKey}`,
        'idempotency-key': key,
      },
      body,
    });
    const { data, errors } = fieldsOf(await jsonOf(response));
    const [error] = Array.isArray(errors) ? errors : [];
    const { answer } = fieldsOf(data);
    if (error === undefined && answer !== undefined && answer !== null) return answer;
    const { code = 'INTERNAL_SERVER_ERROR', fields } = fieldsOf(fieldsOf(error).extensions);
    if (typeof code === 'string' && !passing.has(code))
      throw new Declined(code, String(fieldsOf(error).message), fieldNames(fields));
    throw new Unreachable(`the license server answered ${String(code)} (${response.status})`);
  }
}
