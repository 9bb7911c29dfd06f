/**
 * Who has sent a webhook, and when: judged by the bytes as they came and its headers, before anything of it is read. A
 * signature of any of the secrets will do, so that a secret can be replaced without losing what is on its way.
 */
import { createHmac, createVerify, type KeyObject, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Instant, millis, parseInstant } from '../../core/clock.js';

/** Why a webhook is not taken. */
export type ForgeryKind = 'SIGNATURE' | 'TIMESTAMP';

/** Undefined: it holds. */
export type Judgement = ForgeryKind | undefined;

type HeaderValue = string | readonly string[] | undefined;
export type Headers = Readonly<Record<string, HeaderValue>>;

export interface SignedBody {
  readonly headers: Headers;
  readonly body: Buffer;
  readonly now: Instant;
}

/** As Stripe and Standard Webhooks have it: what was signed longer ago, or so far ahead, may be somebody's copy. */
const TOLERANCE_SECONDS = 300;
/** PayPal tries again for three days, with the time of the first try in its signature. */
const PAYPAL_TOLERANCE_SECONDS = 4 * 86_400;
/** More signatures than a sender has secrets are looked at by nobody. */
const SIGNATURES = 10;
const STANDARD_PREFIX = 'whsec_';
export const PAYPAL_ALGORITHM = 'SHA256withRSA';

/** A header that came once; what came several times could be read in several ways. */
export function headerOf(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

const secondsOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;

function isInTime(seconds: number, now: Instant, past = TOLERANCE_SECONDS): boolean {
  const age = Math.floor(millis(now) / 1000) - seconds;
  return age <= past && age >= -TOLERANCE_SECONDS;
}

/** Each secret against each signature, all of them: how long it takes does not say which one was nearly right. */
function isSigned(
  content: readonly (string | Buffer)[],
  keys: readonly Buffer[],
  signatures: readonly Buffer[],
): boolean {
  const digests = keys.map((key) => {
    const hmac = createHmac('sha256', key);
    for (const part of content) hmac.update(part);
    return hmac.digest();
  });
  const matches = digests.map((digest) => signatures.filter((each) => isSame(digest, each)).length);
  return matches.some((count) => count > 0);
}

/** `Stripe-Signature: t=1492774577,v1=…,v1=…,v0=…` (https://docs.stripe.com/webhooks/signature). */
function stripeParts(header: string): { readonly time: string | undefined; readonly v1: readonly string[] } {
  const parts = header.split(',').map((part) => part.split('='));
  const valuesOf = (name: string): string[] =>
    parts.flatMap(([key, value, ...rest]) =>
      key === name && value !== undefined && rest.length === 0 ? [value] : [],
    );
  const [time, second] = valuesOf('t');
  return { time: second === undefined ? time : undefined, v1: valuesOf('v1').slice(0, SIGNATURES) };
}

export function judgeStripe({ headers, body, now }: SignedBody, secrets: readonly string[]): Judgement {
  const { time, v1 } = stripeParts(headerOf(headers, 'stripe-signature') ?? '');
  const signatures = v1.filter((text) => /^[0-9a-f]{64}$/.test(text)).map((text) => Buffer.from(text, 'hex'));
  const keys = secrets.map((secret) => Buffer.from(secret));
  const seconds = secondsOf(time);
  if (!isSigned([`${time}.`, body], keys, signatures) || seconds === undefined) return 'SIGNATURE';
  return isInTime(seconds, now) ? undefined : 'TIMESTAMP';
}

const standardKey = (secret: string): Buffer =>
  Buffer.from(secret.startsWith(STANDARD_PREFIX) ? secret.slice(STANDARD_PREFIX.length) : secret, 'base64');

/** The symmetric signatures of Standard Webhooks 1.0: HMAC-SHA-256 over id, time and body, `v1,` and base64. */
export function judgeStandard({ headers, body, now }: SignedBody, secrets: readonly string[]): Judgement {
  const id = headerOf(headers, 'webhook-id');
  const time = headerOf(headers, 'webhook-timestamp');
  const signatures = (headerOf(headers, 'webhook-signature') ?? '')
    .split(' ')
    .flatMap((text) => (/^v1,[A-Za-z0-9+/]{43}=$/.test(text) ? [Buffer.from(text.slice(3), 'base64')] : []))
    .slice(0, SIGNATURES);
  const seconds = secondsOf(time);
  const isOurs = isSigned([`${id}.${time}.`, body], secrets.map(standardKey), signatures);
  if (!isOurs || id === undefined || seconds === undefined) return 'SIGNATURE';
  return isInTime(seconds, now) ? undefined : 'TIMESTAMP';
}

/** What PayPal says beside a webhook; undefined unless all of it is there, in the one algorithm that is taken. */
export interface PaypalHeaders {
  readonly transmissionId: string;
  readonly time: string;
  readonly certificateUrl: string;
  readonly signature: Buffer;
}

export function paypalHeaders(headers: Headers): PaypalHeaders | undefined {
  const transmissionId = headerOf(headers, 'paypal-transmission-id');
  const time = headerOf(headers, 'paypal-transmission-time');
  const certificateUrl = headerOf(headers, 'paypal-cert-url');
  const text = headerOf(headers, 'paypal-transmission-sig');
  if (headerOf(headers, 'paypal-auth-algo') !== PAYPAL_ALGORITHM) return undefined;
  if (
    transmissionId === undefined ||
    time === undefined ||
    certificateUrl === undefined ||
    text === undefined
  )
    return undefined;
  if (!/^[A-Za-z0-9-]{1,50}$/.test(transmissionId) || !/^[A-Za-z0-9+/]{100,1000}={0,2}$/.test(text))
    return undefined;
  return { transmissionId, time, certificateUrl, signature: Buffer.from(text, 'base64') };
}

/**
 * PayPal signs the id and time of the transmission, the id of the webhook that it is for and the CRC32 of the body. A CRC
 * can be matched by another body: whoever stores what came takes each transmission once.
 */
export function judgePaypal(
  { body, now }: Omit<SignedBody, 'headers'>,
  { transmissionId, time, signature }: PaypalHeaders,
  webhookIds: readonly string[],
  key: KeyObject,
): Judgement {
  const sum = crc32(body);
  const matches = webhookIds.filter((webhookId) =>
    createVerify('sha256').update(`${transmissionId}|${time}|${webhookId}|${sum}`).verify(key, signature),
  );
  if (matches.length === 0) return 'SIGNATURE';
  const at = parseInstant(time);
  if (at === undefined) return 'TIMESTAMP';
  return isInTime(Math.floor(millis(at) / 1000), now, PAYPAL_TOLERANCE_SECONDS) ? undefined : 'TIMESTAMP';
}
