import type { UnknownReason } from './charging.js';

/** The version of the API that answers are read by: with another one they might have another shape. */
const API_VERSION = '2026-10-28.endive';
/** Payments over slow banks take up to a minute; whoever waits longer asks again. */
const TOTAL_MILLIS = 60_000;
/** A payment with all that hangs on it has a few kilobytes, a list of a hundred a few hundred. */
const RESPONSE_BYTES = 2_000_000;
const LONGEST_RETRY_SECONDS = 86_400;

export interface StripeAccount {
  readonly url: string;
  readonly secretKey: string;
  readonly totalMillis?: number;
  readonly signal?: AbortSignal;
}

export type StripeAnswer =
  | { readonly status: number; readonly body: Readonly<Record<string, unknown>>; readonly retryAfter: number }
  | { readonly status: undefined; readonly reason: UnknownReason };

export interface StripeRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Form fields of a POST, the query of a GET. */
  readonly fields: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
}

class TooLong extends Error {
  override readonly name = 'TooLong';
}

async function textOf(response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > RESPONSE_BYTES) throw new TooLong();
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** Members of an object; none of anything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function textIn(members: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = members[name];
  return typeof value === 'string' && value.length > 0 && value.length <= 255 ? value : null;
}

function retryAfterOf(response: Response): number {
  const text = response.headers.get('retry-after') ?? '';
  return /^\d{1,9}$/.test(text) ? Math.min(LONGEST_RETRY_SECONDS, Number(text)) : 0;
}

/** No word of an error of the platform goes on: it may hold the address, and with it whatever stood in there. */
function reasonOf(error: unknown): UnknownReason {
  if (error instanceof TooLong || error instanceof SyntaxError) return 'INVALID_RESPONSE';
  return error instanceof Error && error.name === 'TimeoutError' ? 'TIMEOUT' : 'CONNECTION';
}

function send(account: StripeAccount, { method, path, fields, idempotencyKey }: StripeRequest) {
  const form = new URLSearchParams(fields).toString();
  const url = new URL(path, account.url);
  if (method === 'GET') url.search = form;
  const signals = [AbortSignal.timeout(account.totalMillis ?? TOTAL_MILLIS)];
  if (account.signal !== undefined) signals.push(account.signal);
  return fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${account.secretKey}`,
      'stripe-version': API_VERSION,
      'user-agent': 'LicenseGraph/1.0',
      ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(method === 'POST' ? { body: form } : {}),
    // The secret goes nowhere but where it was sent.
    redirect: 'error',
    signal: AbortSignal.any(signals),
  });
}

/** One request to Stripe's API, form encoded, with what it answered. It never throws. */
export async function askStripe(account: StripeAccount, request: StripeRequest): Promise<StripeAnswer> {
  try {
    const response = await send(account, request);
    const text = await textOf(response);
    const retryAfter = retryAfterOf(response);
    // Whoever stands before the API answers in HTML: its status says enough.
    const body = response.status >= 500 ? {} : membersOf(JSON.parse(text));
    return { status: response.status, body, retryAfter };
  } catch (error) {
    return { status: undefined, reason: reasonOf(error) };
  }
}
