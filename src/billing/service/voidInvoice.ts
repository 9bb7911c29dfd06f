import { requireWholeTenant } from '../../access/service.js';
import type { NewEvent } from '../../core/event.js';
import type { Work } from '../../core/work.js';
import { chargePending, invoiceNotFound, invoicePaid } from '../model/refusals.js';
import { hasOpenCharge, lockRenewalOf } from '../queries/charges.js';
import { lockInvoice } from '../queries.js';
import type { VoidInvoiceInput } from '../schema/payments.js';
import type { Invoice } from '../table.js';
import { changeRenewal } from './chargeRenewal.js';
import { voidUnpaid } from './voidUnpaid.js';

/**
 * Somebody of the vendor's says that nothing is to be paid. What the invoice was for ends with it, by whoever follows
 * `invoice.voided`. Refused while money lies on it, and while nobody knows whether a charge of it takes some.
 */
export async function voidInvoice(work: Work, { invoiceId, reason }: VoidInvoiceInput): Promise<Invoice> {
  requireWholeTenant(work, 'invoice.void');
  const invoice = await lockInvoice(work, invoiceId);
  if (invoice === undefined) throw invoiceNotFound(invoiceId);
  if (invoice.voidedAt !== null) return invoice;
  const { number, paidAt, amountPaid, currency } = invoice;
  if (paidAt !== null) throw invoicePaid(number, amountPaid, currency);
  if (await hasOpenCharge(work, invoice.id)) throw chargePending(number);
  return voidUnpaid(work, invoice, reason);
}

/**
 * Follows `invoice.voided`: the renewal that waited for it is over. By the clock it is not billed again from this end of the
 * term, or the invoice would be back within minutes.
 */
export async function renewalVoided(work: Work, { subjectId }: NewEvent): Promise<void> {
  const renewal = await lockRenewalOf(work, subjectId as Invoice['id']);
  if (renewal?.status !== 'OPEN') return;
  await changeRenewal(work, renewal, { status: 'VOIDED', nextAttemptAt: null, finishedAt: work.now });
}
