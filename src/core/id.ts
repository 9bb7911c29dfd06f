import { type Instant, millis } from './clock.js';

/** A branded identifier: a license's id is not accepted where a customer's is meant. */
export type Id<Noun extends string> = string & { readonly __id: Noun };

export type TenantId = Id<'Tenant'>;
export type ProductId = Id<'Product'>;
export type CustomerId = Id<'Customer'>;
export type ResellerId = Id<'Reseller'>;
export type TemplateId = Id<'Template'>;
export type LicenseId = Id<'License'>;
export type ActivationId = Id<'Activation'>;
export type OrderId = Id<'Order'>;
export type InvoiceId = Id<'Invoice'>;
export type PaymentId = Id<'Payment'>;
export type LicensePoolId = Id<'LicensePool'>;
export type BulkIssueId = Id<'BulkIssue'>;
export type TopUpId = Id<'TopUp'>;
export type GrantId = Id<'Grant'>;
export type EventId = Id<'Event'>;
export type ApiKeyId = Id<'ApiKey'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TENANT = /^[a-z0-9][a-z0-9_-]{0,49}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Tenant codes are short and plain because they stand in URLs, and as a literal in `set local app.tenant`. */
export function isTenantId(text: string): text is TenantId {
  return TENANT.test(text);
}

/** 42 bits that count on with every id of this process, from a random start. */
let counter = Number((crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n) % 2n ** 41n);

/** Random bits for many ids at once: asked for one by one they take 6 us each, more than all the rest of a grant. */
const RANDOM = { pool: new Uint32Array(1_024), at: 1_024 };

function random32(): number {
  if (RANDOM.at === RANDOM.pool.length) {
    crypto.getRandomValues(RANDOM.pool);
    RANDOM.at = 0;
  }
  const bits = RANDOM.pool[RANDOM.at] ?? 0;
  RANDOM.at += 1;
  return bits;
}

/** Numbers past 31 bits take twice as long to write as both of their halves. */
const hex16 = (bits: number): string => (0x1_0000 + bits).toString(16).slice(1);
const hex32 = (bits: number): string => `${hex16(bits >>> 16)}${hex16(bits & 0xffff)}`;

/** How ids of an instant begin, the last one's kept: an act makes many at the same. */
let beginning = { now: '' as Instant, text: '' };

function beginningOf(now: Instant): string {
  if (beginning.now === now) return beginning.text;
  const time = millis(now).toString(16).padStart(12, '0');
  beginning = { now, text: `${time.slice(0, 8)}-${time.slice(8)}-` };
  return beginning.text;
}

/** What ids of this instant and later ones are greater than, and earlier ones less. */
export function idsFrom(at: Instant): string {
  return beginningOf(at);
}

/**
 * A UUID version 7 (RFC 9562, section 5.7). Behind the instant stands the counter (section 6.2, method 1), which no
 * new millisecond sets back: an act keeps its instant while others go on, and the ids that it makes still sort in
 * the order in which it made them.
 */
export function newId<Noun extends string>(now: Instant): Id<Noun> {
  counter = (counter + 1) % 2 ** 42;
  const high = hex16(0x7000 + Math.floor(counter / 2 ** 30));
  const low = hex32(0x8000_0000 + (counter % 2 ** 30));
  const text = `${beginningOf(now)}${high}-${low.slice(0, 4)}-${low.slice(4)}${hex32(random32())}`;
  return text as Id<Noun>;
}
