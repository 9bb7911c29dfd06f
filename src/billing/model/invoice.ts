/**
 * Billing owns what is owed and what was paid: invoices, each with the lines, the seller and the buyer as they were when it
 * was made, and the payments on them. An invoice is never changed or deleted, only paid, paid back or voided; its number
 * has no gap in its tenant and year. What is bought, and what follows from a payment, belongs to others.
 */
export const invoiceEvents = [
  'invoice.created',
  'invoice.partially_paid',
  'invoice.paid',
  'invoice.overpaid',
  'invoice.payment_failed',
  'invoice.refund_requested',
  'invoice.refund_failed',
  'invoice.partially_refunded',
  'invoice.refunded',
  'invoice.voided',
] as const;
export type InvoiceEvent = (typeof invoiceEvents)[number];

export const invoicePurposes = ['ORDER', 'RENEWAL', 'UPGRADE'] as const;
export type InvoicePurpose = (typeof invoicePurposes)[number];

export const paymentStatuses = ['PENDING', 'PAID', 'PARTIAL', 'FAILED', 'REFUNDED'] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

export const processors = ['MANUAL', 'STRIPE', 'PAYPAL', 'BILLING'] as const;
export type Processor = (typeof processors)[number];

export const paymentKinds = ['PAYMENT', 'REFUND'] as const;
export type PaymentKind = (typeof paymentKinds)[number];

/** Only what is settled is counted. */
export const paymentStates = ['PENDING', 'SETTLED', 'FAILED'] as const;
export type PaymentState = (typeof paymentStates)[number];

/** Who sells, as it was when the invoice was made. */
export interface Seller {
  readonly name: string;
  readonly address?: string;
  readonly taxId?: string;
}
