import { fieldsOf } from '../answers.js';
import {
  done,
  failed,
  isRefusalCode,
  type OutageReason,
  outage,
  type Problem,
  type Result,
} from './results.js';

export type Fields = Readonly<Record<string, unknown>>;

/** One operation, whose root field is called `answer`. */
export interface Asked {
  readonly query: string;
  readonly variables: object;
  /** What an application shows of itself: `License …` or `Activation …`. */
  readonly authorization?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly url: string;
  readonly timeoutMillis: number;
  readonly tries: number;
  readonly fetch: typeof fetch | undefined;
  readonly now: () => number;
  /** What no message may hold, whoever wrote it. */
  readonly secrets: () => readonly string[];
}

interface Exchanged {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

/** What is read of an answer at most; a license file with its QR code takes a third of it. */
const ANSWER_LIMIT_BYTES = 1_000_000;
const MESSAGE_CHARACTERS = 500;
/** A fingerprint of fewer is none that anybody has to guess; hidden, it would take letters out of every message. */
const LEAST_SECRET_CHARACTERS = 4;
/** However long a server wants to be left alone: one that is asked again too soon says so again. */
const LONGEST_REST_MILLIS = 3_600_000;

/** Codes that say nothing about what was asked: sent again in a moment, it may be answered. */
const passing: Readonly<Record<string, OutageReason>> = {
  INTERNAL_SERVER_ERROR: 'SERVER_FAILED',
  OPERATION_TIMEOUT: 'SERVER_FAILED',
  OPERATION_CANCELLED: 'SERVER_FAILED',
  SERVER_BUSY: 'SERVER_FAILED',
  SERVER_STOPPING: 'SERVER_FAILED',
  REQUEST_TIMEOUT: 'SERVER_FAILED',
  IDEMPOTENCY_KEY_IN_USE: 'SERVER_FAILED',
  RATE_LIMITED: 'RATE_LIMITED',
};

class TooLarge extends Error {}

/** The body of an answer; one that has no end is given up. Browsers do not all let a stream be looped over. */
async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  while (reader !== undefined) {
    const { done: isOver, value } = await reader.read();
    if (isOver) break;
    bytes += value.byteLength;
    if (bytes > ANSWER_LIMIT_BYTES) {
      await reader.cancel().catch(() => undefined);
      throw new TooLarge();
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function restMillis(retryAfter: unknown, now: number): number {
  const seconds = Number(retryAfter ?? 0);
  const millis = Number.isNaN(seconds) ? Date.parse(String(retryAfter)) - now : seconds * 1000;
  return millis > 0 ? Math.min(millis, LONGEST_REST_MILLIS) : 0;
}

function jsonIn(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}

/** What an answer without data says by its status alone: a proxy's page, a server that is gone. */
function reasonOf(status: number): OutageReason {
  if (status === 429) return 'RATE_LIMITED';
  return status >= 500 ? 'SERVER_FAILED' : 'ANSWER_UNREADABLE';
}

/** Speaks to one license server over HTTP; whatever happens on the way has a type, and nothing is thrown. */
export class Transport {
  constructor(private readonly options: TransportOptions) {}

  /** One operation. A mutation that is sent again goes under its own key: it is done once, whatever was lost. */
  async send(asked: Asked): Promise<Result<Fields>> {
    const { query, variables, authorization, idempotencyKey, signal } = asked;
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
    const init = { method: 'POST', headers, body: JSON.stringify({ query, variables }) };
    return this.#trying(
      () => this.#exchange(this.options.url, init, signal),
      (answer) => this.#answer(answer),
    );
  }

  /** What stands at an address beside the graph, as JSON. */
  async fetchBeside(path: string, signal?: AbortSignal): Promise<Result<Fields>> {
    const address = new URL(path, this.options.url).href;
    // Not by a header of our own: a browser would have to ask whether it may send that.
    const init = { headers: { accept: 'application/json' }, cache: 'no-cache' } as const;
    return this.#trying(
      () => this.#exchange(address, init, signal),
      ({ status, text, retryAfter }) => {
        if (status === 200) return done(jsonIn(text));
        return failed(outage(reasonOf(status), restMillis(retryAfter, this.options.now())));
      },
    );
  }

  /** Once more at once, where a connection broke or a server was just being replaced; longer waits are the caller's. */
  async #trying(
    exchange: () => Promise<Result<Exchanged>>,
    read: (answer: Exchanged) => Result<Fields>,
  ): Promise<Result<Fields>> {
    for (let attempt = 1; ; attempt += 1) {
      const exchanged = await exchange();
      const result = exchanged.ok ? read(exchanged.value) : exchanged;
      if (result.ok || attempt >= this.options.tries || !isWorthAnother(result.problem)) return result;
    }
  }

  async #exchange(address: string, init: RequestInit, given?: AbortSignal): Promise<Result<Exchanged>> {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      abort();
    }, this.options.timeoutMillis);
    given?.addEventListener('abort', abort);
    try {
      if (given?.aborted === true) abort();
      const ask = this.options.fetch ?? fetch;
      const kept = { redirect: 'error', credentials: 'omit', referrerPolicy: 'no-referrer' } as const;
      const response = await ask(address, { ...init, ...kept, signal: controller.signal });
      const { status, headers } = response;
      return done({ status, retryAfter: headers.get('retry-after'), text: await textOf(response) });
    } catch (error) {
      // What the platform says of it may hold the address, and whoever is written in it: it is not passed on.
      if (error instanceof TooLarge) return failed(outage('ANSWER_TOO_LARGE'));
      if (isLate) return failed(outage('TIMEOUT'));
      return failed(outage(given?.aborted === true ? 'ABORTED' : 'UNREACHABLE'));
    } finally {
      clearTimeout(timer);
      given?.removeEventListener('abort', abort);
    }
  }

  #answer({ status, retryAfter, text }: Exchanged): Result<Fields> {
    const { data, errors } = jsonIn(text);
    const { answer } = fieldsOf(data);
    const error = Array.isArray(errors) ? fieldsOf(errors[0]) : undefined;
    if (error === undefined && typeof answer === 'object' && answer !== null) return done(fieldsOf(answer));
    const { code, retryAfterSeconds, remedy } = fieldsOf(error?.extensions);
    const rest = restMillis(retryAfterSeconds ?? retryAfter, this.options.now());
    if (typeof code !== 'string') return failed(outage(reasonOf(status), rest));
    const reason = Object.hasOwn(passing, code) ? passing[code] : undefined;
    if (reason !== undefined) return failed(outage(reason, rest));
    return failed({
      kind: 'REFUSED',
      code: isRefusalCode(code) ? code : 'UNKNOWN',
      message: this.shown(error?.message) ?? code,
      remedy: this.shown(remedy),
    });
  }

  /** A text of somebody else's, without our secrets and of a length that fits a log line. */
  shown(text: unknown): string | null {
    if (typeof text !== 'string') return null;
    const secrets = this.options.secrets().filter((secret) => secret.length >= LEAST_SECRET_CHARACTERS);
    return secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text).slice(0, MESSAGE_CHARACTERS);
  }
}

function isWorthAnother(problem: Problem): boolean {
  if (problem.kind !== 'OUTAGE' || problem.retryAfterMillis > 0) return false;
  return problem.reason === 'UNREACHABLE' || problem.reason === 'SERVER_FAILED';
}
