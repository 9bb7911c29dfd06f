/** What a payment processor's event tells of an invoice, in one shape whoever tells it. */
import { type Instant, parseInstant } from '../../core/clock.js';
import { isTenantId, isUuid, type TenantId } from '../../core/id.js';
import { type Amount, parseAmount } from '../../core/money.js';

/** REFUNDED_TO_DATE is all that ever went back of one payment; REFUND is one of the times that something did. */
export const factKinds = [
  'PAYMENT',
  'REFUND',
  'REFUNDED_TO_DATE',
  'FAILURE',
  'DISPUTE',
  'REFUND_FAILURE',
] as const;
export type FactKind = (typeof factKinds)[number];

/** How an event names the invoice in our own words. */
export interface NamedInvoice {
  readonly id?: string;
  /** Is one invoice within a tenant only. */
  readonly number?: string;
  readonly tenantId?: TenantId;
}

export interface PaymentFact {
  readonly kind: FactKind;
  readonly invoice: NamedInvoice;
  /** The processor's name of this very thing: the same for every event that tells of it. */
  readonly reference: string;
  /** Of a failure: the processor's name of this very try, since what was declined once can be tried, and declined, again. */
  readonly attempt?: string;
  /** Of a failure without such a name: an event of its kind is sent once for each try, so that its own name tells them apart. */
  readonly isOncePerTry?: boolean;
  /** Of a refund or a dispute: the processor's name of the payment. */
  readonly payment: string | null;
  /** Further names of the processor's for what belongs to the invoice. */
  readonly aliases: readonly string[];
  readonly amount: Amount;
  readonly currency: string;
  readonly at: Instant | null;
  /** Of what failed: in words that may be told to anybody. */
  readonly words: string;
}

/** What an event says: something of an invoice, nothing that concerns us, or nothing that can be understood. */
export type EventReading = PaymentFact | 'IGNORED' | 'UNREADABLE';

/** What a processor calls an event. */
export interface EventName {
  readonly id: string;
  readonly type: string;
}

export type Members = Readonly<Record<string, unknown>>;

/** Members of an object; none of anything else. */
export function membersIn(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function textIn(value: unknown): string | null {
  return typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value) ? value : null;
}

export function textsIn(...values: readonly unknown[]): string[] {
  return values.flatMap((value) => textIn(value) ?? []);
}

/** Decimal, as text or as a number; more than nothing. */
export function amountIn(value: unknown): Amount | undefined {
  const amount = typeof value === 'string' || typeof value === 'number' ? parseAmount(value) : undefined;
  return amount === undefined || Number(amount) <= 0 ? undefined : amount;
}

export function currencyIn(value: unknown): string | undefined {
  const code = typeof value === 'string' ? value.toUpperCase() : '';
  return /^[A-Z]{3}$/.test(code) ? code : undefined;
}

export function instantIn(value: unknown): Instant | null {
  return typeof value === 'string' ? (parseInstant(value) ?? null) : null;
}

/** An invoice by the first of these that can name one: its id, or its number. */
export function invoiceIn(...values: readonly unknown[]): NamedInvoice {
  const texts = textsIn(...values);
  const id = texts.find(isUuid);
  if (id !== undefined) return { id };
  const number = texts.find((text) => /^[A-Z0-9-]{1,40}-\d{4}-\d{6,}$/.test(text));
  return number === undefined ? {} : { number };
}

/** With its tenant, where the event may speak for several. */
export function inTenant(invoice: NamedInvoice, tenant: unknown): NamedInvoice {
  const code = textIn(tenant);
  return code !== null && isTenantId(code) ? { ...invoice, tenantId: code } : invoice;
}

/** Every member of an object within, counted as it was written down: a name that stands twice counts twice. */
function membersWritten(text: string): number {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
}

function membersRead(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).reduce((sum: number, each) => sum + membersRead(each), 0);
  return Array.isArray(value) ? inner : inner + Object.keys(value).length;
}

/** Deeper than any processor nests what it tells, and no deeper than a stack can follow. */
const DEEPEST = 100;

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const letter of text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '')) {
    if (letter === '{' || letter === '[') depth += 1;
    else if (letter === '}' || letter === ']') depth -= 1;
    if (depth > DEEPEST) return true;
  }
  return false;
}

/**
 * The object that a body is, undefined when it is none. Text that two readers could read differently, because a member
 * stands in it twice, is none either: whoever signed it may have meant the other one.
 */
export function parseBody(body: Buffer): { readonly text: string; readonly members: Members } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    if (isTooDeep(text)) return undefined;
    const read: unknown = JSON.parse(text);
    if (typeof read !== 'object' || read === null || Array.isArray(read)) return undefined;
    return membersWritten(text) === membersRead(read) ? { text, members: { ...read } } : undefined;
  } catch {
    return undefined;
  }
}
