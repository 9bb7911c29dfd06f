import { createHmac } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIPv6, type LookupFunction } from 'node:net';
import { type Instant, millis } from '../../core/clock.js';
import type { DeliveryError } from '../model/webhooks.js';
import { hostOf } from '../model/webhookUrl.js';
import { AddressNotPublic, type AddressRules, allowedAddresses } from './addresses.js';

/** One message for one endpoint. */
export interface WebhookMessage {
  readonly url: string;
  readonly messageId: string;
  readonly body: string;
  /** Each signs; the receiver needs to know one of them. */
  readonly secrets: readonly string[];
  readonly now: Instant;
}

/** What became of it. Without an error it was taken: any status of 2xx. */
export interface WebhookAnswer {
  readonly statusCode: number | null;
  readonly error: DeliveryError | null;
  readonly response: string | null;
  readonly retryAfterSeconds: number;
}

export interface SendLimits {
  /** To find the host's address, connect and agree on a cipher. */
  readonly connectMillis: number;
  /** To answer, all in all. */
  readonly totalMillis: number;
}

export interface SendOptions extends AddressRules {
  readonly limits: SendLimits;
  /** For tests: who vouches for a receiver's certificate. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
}

/** As Standard Webhooks asks of senders: 15 to 30 seconds for an answer. */
export const SEND_LIMITS: SendLimits = { connectMillis: 5_000, totalMillis: 15_000 };

/** As much of an answer as is kept; what follows is not read. */
const RESPONSE_BYTES = 1_024;
const HEADER_BYTES = 16_384;
export const SECRET_PREFIX = 'whsec_';

/** Standard Webhooks, "Signature scheme": HMAC-SHA-256 over id, time and body, a `v1` for each secret. */
function signature(message: WebhookMessage, timestamp: number): string {
  const content = `${message.messageId}.${timestamp}.${message.body}`;
  const signed = message.secrets.map((secret) => {
    const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
  });
  return signed.join(' ');
}

function headersOf(message: WebhookMessage): Record<string, string | number> {
  const timestamp = Math.floor(millis(message.now) / 1000);
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(message.body),
    'user-agent': 'LicenseGraph-Webhooks/1.0',
    'webhook-id': message.messageId,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature(message, timestamp),
  };
}

const byCode: Readonly<Record<string, DeliveryError>> = {
  ECONNREFUSED: 'REFUSED',
  ECONNRESET: 'RESET',
  EPIPE: 'RESET',
  EHOSTUNREACH: 'UNREACHABLE',
  ENETUNREACH: 'UNREACHABLE',
  EADDRNOTAVAIL: 'UNREACHABLE',
  ETIMEDOUT: 'TIMEOUT',
  EPROTO: 'TLS',
};

class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

const wordOf = (error: object, member: 'code' | 'syscall'): string => {
  const word = new Map<string, unknown>(Object.entries(error)).get(member);
  return typeof word === 'string' ? word : '';
};

/** The name of a failure; whatever else it is, the receiver's certificate or cipher was not to be had. */
export function errorOf(error: unknown): DeliveryError {
  if (error instanceof AddressNotPublic) return 'ADDRESS_NOT_PUBLIC';
  if (error instanceof OutOfTime) return 'TIMEOUT';
  if (!(error instanceof Error)) return 'UNREACHABLE';
  // Several addresses were tried, and each failed.
  if (error instanceof AggregateError && error.errors.length > 0) return errorOf(error.errors[0]);
  const code = wordOf(error, 'code');
  if (/^(query|getaddrinfo)/.test(wordOf(error, 'syscall'))) return 'DNS';
  if (code.startsWith('HPE_')) return 'INVALID_RESPONSE';
  return byCode[code] ?? (/^ERR_(TLS|SSL)|CERT|SIGNATURE|ISSUER|ALTNAME/.test(code) ? 'TLS' : 'UNREACHABLE');
}

/** A redirect is not followed: where it leads, nobody has checked. */
export function errorOfStatus(status: number): DeliveryError | null {
  if (status >= 200 && status < 300) return null;
  if (status === 410) return 'GONE';
  if (status >= 300 && status < 400) return 'REDIRECT';
  return status >= 400 && status < 500 ? 'CLIENT_ERROR' : 'SERVER_ERROR';
}

/** `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3); 0 if it says nothing that can be read. */
export function retryAfterSeconds(header: string | undefined, now: Instant): number {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = /^[A-Z][a-z]{2}, .{10,30} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - millis(now)) / 1000));
}

/** Text that PostgreSQL can keep and a page can show. */
function shown(bytes: Buffer): string {
  return new TextDecoder()
    .decode(bytes.subarray(0, RESPONSE_BYTES))
    .replace(/\p{Cc}(?<![\n\t])/gu, '\u{fffd}');
}

/** The beginning of an answer: until there is enough of it, or no more comes. It was answered, whatever happens now. */
function beginningOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (): void => resolve(shown(Buffer.concat(chunks)));
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= RESPONSE_BYTES) end();
    });
    response.on('close', end).on('error', end);
  });
}

/** The addresses that were checked, in the place of a second look at the name. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_host, options, answer) => {
    const [first] = found;
    if (options.all === true) answer(null, found);
    else answer(null, first?.address ?? '', first?.family ?? 4);
  };
}

function open(message: WebhookMessage, addresses: readonly string[], options: SendOptions): ClientRequest {
  const url = new URL(message.url);
  const request = url.protocol === 'https:' ? secureRequest : plainRequest;
  return request(url, {
    method: 'POST',
    headers: headersOf(message),
    lookup: lookupOf(addresses),
    // A connection that was kept might lead to where the name led before.
    agent: false,
    maxHeaderSize: HEADER_BYTES,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
}

/** Ends a request that has not been answered in time, or that nobody waits for any more. */
function guard(request: ClientRequest, { limits, signal }: SendOptions, begun: number): () => void {
  const left = (limit: number): number => Math.max(1, limit - (performance.now() - begun));
  const late = (): void => void request.destroy(new OutOfTime());
  const connecting = setTimeout(late, left(limits.connectMillis));
  const answering = setTimeout(late, left(limits.totalMillis));
  const leave = (): void => void request.destroy(new OutOfTime());
  signal?.addEventListener('abort', leave, { once: true });
  request.on('socket', (socket) => {
    const isSecure = 'encrypted' in socket;
    socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
  });
  return () => {
    clearTimeout(connecting);
    clearTimeout(answering);
    signal?.removeEventListener('abort', leave);
  };
}

async function exchange(message: WebhookMessage, options: SendOptions): Promise<WebhookAnswer> {
  const begun = performance.now();
  const host = hostOf(new URL(message.url));
  const addresses = await withinMillis(allowedAddresses(host, options), options.limits.connectMillis);
  options.signal?.throwIfAborted();
  const request = open(message, addresses, options);
  const unguard = guard(request, options, begun);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const closed = (): void => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
      request.once('response', resolve).on('error', reject).once('close', closed).end(message.body);
    });
    const statusCode = response.statusCode ?? 0;
    const wanted = retryAfterSeconds(response.headers['retry-after'], message.now);
    const text = await beginningOf(response);
    return { statusCode, error: errorOfStatus(statusCode), response: text, retryAfterSeconds: wanted };
  } finally {
    unguard();
    request.destroy();
  }
}

async function withinMillis<Result>(run: Promise<Result>, limit: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new OutOfTime()), limit);
  });
  return Promise.race([run, late]).finally(() => clearTimeout(timer));
}

/** Sends a message once. It never throws: whatever goes wrong is an answer. */
export async function sendWebhook(message: WebhookMessage, options: SendOptions): Promise<WebhookAnswer> {
  try {
    return await exchange(message, options);
  } catch (error) {
    return { statusCode: null, error: errorOf(error), response: null, retryAfterSeconds: 0 };
  }
}
