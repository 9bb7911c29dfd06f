/**
 * Mail owns what people are told by mail: which facts are told, to whom, and whether that has arrived at a mail server. One
 * row is one mail to one recipient. Its text is made when it is sent or read, and is kept nowhere.
 * It does not own the facts: mail is a reaction to events of earlier domains, at least once, and never twice as if it were new.
 */
import { addDays, addMillis, type Instant } from '../../core/clock.js';
import { Refusal } from '../../core/refusal.js';

export const mailKinds = [
  'LICENSE_ISSUED',
  'LICENSE_EXPIRING',
  'LICENSE_SUSPENDED',
  'LICENSE_REVOKED',
  'LICENSE_RENEWED',
  'RENEWAL_FAILED',
  'VIOLATION_DETECTED',
  'ORDER_FULFILLED',
  'ORDER_REFUNDED',
  'ORDER_STOPPED',
  'BULK_ISSUE_FAILED',
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

export const notificationEvents = ['notification.failed', 'notification.resent'] as const;

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

/** A mail server that is away is looked for this often at the least: when it is back, what waits goes out within this time. */
export const UNREACHED_MILLIS = 15 * MINUTE;
/** For how long: what it was to tell has grown too old by then. */
export const UNREACHED_DAYS = 14;

/** How often somebody may have one mail sent again: nobody floods an address by it. */
export const MOST_RESENDS = 5;
/** What is older has waited: it is asked again whether what it tells is still so. */
export const FRESH_MILLIS = MINUTE;

/** For how long an attempt is one worker's. Longer than the mail server is waited for: who is not back by then is dead. */
export const ATTEMPT_MILLIS = 5 * MINUTE;

/** How long rows are kept, and what stands in them of people's words at the longest. */
export const KEPT_DAYS = 400;

/** When to try again after so many attempts that were heard of; undefined for never. */
export function nextAttemptAt(attempts: number, now: Instant): Instant | undefined {
  const wait = RETRY_MILLIS[attempts - 1];
  return wait === undefined ? undefined : addMillis(now, wait);
}

/** The same where so many attempts, one after the other or not, found no mail server, since an instant. */
function nextLookAt(unreached: number, since: Instant, now: Instant): Instant | undefined {
  const wait = Math.min(RETRY_MILLIS[unreached - 1] ?? UNREACHED_MILLIS, UNREACHED_MILLIS);
  const next = addMillis(now, wait);
  return next > addDays(since, UNREACHED_DAYS) ? undefined : next;
}

/** What the mail server made of a mail. */
export type Delivery =
  | { readonly outcome: 'TAKEN' }
  /** There is nothing to be told any more. */
  | { readonly outcome: 'NEEDLESS'; readonly reason: string }
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
export const NOT_SO = 'It is not so any more.';
export const NOT_REMINDED = 'The recipient is not reminded.';

export interface Settled {
  readonly status: MailStatus;
  readonly unreached: number;
  readonly sentAt: Instant | null;
  readonly nextAttemptAt: Instant | null;
  readonly reason: string | null;
}

/** How far a mail had come when an attempt was made, that one counted. */
export interface Tried {
  readonly attempts: number;
  /** Of them those at which no mail server was heard of. */
  readonly unreached: number;
  /** Since when it is to be sent. */
  readonly since: Instant;
}

/** Attempts that a mail server has answered, or that were broken off: they are bounded in number, the others in time. */
export function heardAttempts({ attempts, unreached }: Pick<Tried, 'attempts' | 'unreached'>): number {
  return attempts - unreached;
}

function reasonOf(delivery: Delivery): string | null {
  if (delivery.outcome === 'TAKEN') return null;
  return delivery.outcome === 'UNREACHABLE' ? UNREACHABLE : delivery.reason.slice(0, 500);
}

function nextOf({ outcome }: Delivery, tried: Tried, now: Instant): Instant | undefined {
  if (outcome === 'LATER') return nextAttemptAt(heardAttempts(tried), now);
  return outcome === 'UNREACHABLE' ? nextLookAt(tried.unreached + 1, tried.since, now) : undefined;
}

/** How a mail stands after an attempt. */
export function settled(delivery: Delivery, tried: Tried, now: Instant): Settled {
  const { outcome } = delivery;
  const next = nextOf(delivery, tried, now);
  const over = outcome === 'TAKEN' ? 'SENT' : outcome === 'NEEDLESS' ? 'SUPPRESSED' : 'FAILED';
  return {
    status: next === undefined ? over : 'PENDING',
    unreached: tried.unreached + (outcome === 'UNREACHABLE' ? 1 : 0),
    sentAt: outcome === 'TAKEN' ? now : null,
    nextAttemptAt: next ?? null,
    reason: reasonOf(delivery),
  };
}

export function notificationNotFound(id: string): Refusal {
  return new Refusal('NOTIFICATION_NOT_FOUND', `There is no mail ${id}.`, { id });
}

interface Resendable {
  readonly status: MailStatus;
  readonly resends: number;
  readonly recipient: string | null;
}

/** What is under way is sent anyway, and what its reader does not want is not sent by somebody else's wish. */
export function requireResendable({ status, resends, recipient }: Resendable): void {
  const refused = (message: string): Refusal =>
    new Refusal('NOTIFICATION_NOT_RESENDABLE', message, { status, resends });
  if (status === 'PENDING') throw refused('The mail is under way: it is sent without being sent again.');
  if (status === 'SUPPRESSED') throw refused('The mail was not sent because there was nothing to be told.');
  if (recipient === null) throw refused('Whom the mail went to was erased.');
  if (resends >= MOST_RESENDS)
    throw refused(`The mail was sent again ${MOST_RESENDS} times, as often as one may.`);
}

/** The same for every attempt, and for nothing else in the world (RFC 5322, 3.6.4). */
export function messageIdOf(id: string, domain: string): string {
  return `<${id}@${domain}>`;
}

/** Of a mail that somebody has sent again: another one than before, so that no mail program hides it behind that. */
export function messageIdAgain(messageId: string, resends: number): string {
  return messageId.replace(/^<([^.@]+)(?:\.\d+)?@/, `<$1.${resends}@`);
}

/** What a mail's variables are bound to, so that they open in their own row only. */
export function variablesBinding(tenantId: string, id: string): string {
  return `notification ${tenantId} ${id}`;
}
