import { randomBytes } from 'node:crypto';
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
export type EventId = Id<'Event'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TENANT = /^[a-z0-9][a-z0-9_-]{0,49}$/;
const CODE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Tenant codes are short and plain because they stand in URLs, and as a literal in `set local app.tenant`. */
export function isTenantId(text: string): text is TenantId {
  return TENANT.test(text);
}

/** Product codes and feature ids. */
export function isCode(text: string): boolean {
  return CODE.test(text);
}

let lastMillis = 0;
let counter = 0;

/**
 * A UUID version 7 (RFC 9562, section 5.7). Within one millisecond the 12 bits of `rand_a` count upwards
 * (section 6.2, method 1), so that ids made by one process sort in the order in which they were made.
 */
export function newId<Noun extends string>(now: Instant): Id<Noun> {
  const at = millis(now);
  const bytes = randomBytes(16);
  counter = at === lastMillis ? counter + 1 : bytes.readUInt16BE(6) & 0x7ff;
  if (counter > 0xfff) counter = 0;
  lastMillis = at;
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join('-') as Id<Noun>;
}
