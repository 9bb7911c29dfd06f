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

/**
 * A UUID version 7 (RFC 9562, section 5.7). Behind the instant stands the counter (section 6.2, method 1), which no
 * new millisecond sets back: an act keeps its instant while others go on, and the ids that it makes still sort in
 * the order in which it made them.
 */
export function newId<Noun extends string>(now: Instant): Id<Noun> {
  counter = (counter + 1) % 2 ** 42;
  const at = millis(now);
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(at / 2 ** 32));
  view.setUint32(2, at % 2 ** 32);
  view.setUint16(6, 0x7000 | Math.floor(counter / 2 ** 30));
  view.setUint32(8, 0x8000_0000 + (counter % 2 ** 30));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join('-') as Id<Noun>;
}
