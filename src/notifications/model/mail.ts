/**
 * Mail owns what people are told by mail: which facts are told, to whom, and whether that has arrived at a mail server. One
 * row is one mail to one recipient. Its text is made when it is sent or read, and is kept nowhere.
 * It does not own the facts: mail is a reaction to events of earlier domains, at least once, and never twice as if it were new.
 */
import { addMillis, type Instant } from '../../core/clock.js';

export const mailKinds = [
  'LICENSE_ISSUED',
  'LICENSE_EXPIRING',
  'LICENSE_SUSPENDED',
  'RENEWAL_FAILED',
  'VIOLATION_DETECTED',
  'ORDER_FULFILLED',
  'EMERGENCY_CODE_USED',
] as const;
export type MailKind = (typeof mailKinds)[number];

export const mailStatuses = ['PENDING', 'SENT', 'FAILED', 'SUPPRESSED'] as const;
export type MailStatus = (typeof mailStatuses)[number];

/** Where a mail went: to a mail server, or into the inbox of a deployment that has none. */
export const mailTransports = ['SMTP', 'INBOX'] as const;
export type MailTransport = (typeof mailTransports)[number];

/** Whom a mail is for: a customer, or the vendor's own people. */
export type Audience = 'customer' | 'staff';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** How long after each attempt that failed the next one comes: ten in all, over two days. */
export const RETRY_MILLIS = [
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  12 * HOUR,
  24 * HOUR,
] as const;
export const MOST_ATTEMPTS = RETRY_MILLIS.length + 1;

/** For how long an attempt is one worker's. Longer than the mail server is waited for: who is not back by then is dead. */
export const ATTEMPT_MILLIS = 5 * MINUTE;

/** How long rows are kept, and what stands in them of people's words at the longest. */
export const KEPT_DAYS = 400;

/** When to try again after so many attempts; undefined for never. */
export function nextAttemptAt(attempts: number, now: Instant): Instant | undefined {
  const wait = RETRY_MILLIS[attempts - 1];
  return wait === undefined ? undefined : addMillis(now, wait);
}

/** What the mail server made of a mail. */
export type Delivery =
  | { readonly outcome: 'TAKEN' }
  /** It will not take it at any time (RFC 5321, 4.2.1: 5yz). */
  | { readonly outcome: 'REFUSED'; readonly reason: string }
  | { readonly outcome: 'LATER'; readonly reason: string }
  /** No word of it was heard: there is no point in asking it about the next one. */
  | { readonly outcome: 'UNREACHABLE' };

export const UNREACHABLE = 'The mail server could not be reached.';
export const INTERRUPTED = 'The last attempt was interrupted.';
export const ERASED = 'What it said was erased before it could be sent.';
export const UNWRITTEN = 'It could not be written.';
export const NO_ADDRESS = 'The address is no mail address.';
export const NOT_REMINDED = 'The recipient is not reminded.';

export interface Settled {
  readonly status: MailStatus;
  readonly sentAt: Instant | null;
  readonly nextAttemptAt: Instant | null;
  readonly reason: string | null;
}

/** How a mail stands after its so-and-so-many-th attempt. */
export function settled(delivery: Delivery, attempts: number, now: Instant): Settled {
  if (delivery.outcome === 'TAKEN') return { status: 'SENT', sentAt: now, nextAttemptAt: null, reason: null };
  const next = delivery.outcome === 'REFUSED' ? undefined : nextAttemptAt(attempts, now);
  const reason = delivery.outcome === 'UNREACHABLE' ? UNREACHABLE : delivery.reason.slice(0, 500);
  return {
    status: next === undefined ? 'FAILED' : 'PENDING',
    sentAt: null,
    nextAttemptAt: next ?? null,
    reason,
  };
}

/** The same for every attempt, and for nothing else in the world (RFC 5322, 3.6.4). */
export function messageIdOf(id: string, domain: string): string {
  return `<${id}@${domain}>`;
}

/** What a mail's variables are bound to, so that they open in their own row only. */
export function variablesBinding(tenantId: string, id: string): string {
  return `notification ${tenantId} ${id}`;
}
