import { and, eq } from 'drizzle-orm';
import { latest } from '../../core/clock.js';
import { isZero } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import { invoicePaid } from '../model/refusals.js';
import { amountKeptOf } from '../model/standing.js';
import { type Invoice, invoices } from '../table.js';
import { eventOf, invoiceToSettle } from './entries.js';

/**
 * Nothing is to be paid for it any more, though a part of it may have been. Its number stays; that part, and money that
 * comes all the same, is the payer's credit, for a person to pay back. Voiding it twice does nothing.
 */
export async function voidWithCredit(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  reason: string,
): Promise<Invoice> {
  const before = await invoiceToSettle(work, invoice);
  if (before.voidedAt !== null) return before;
  const [voided] = await work.db
    .update(invoices)
    .set({ voidedAt: work.now, voidReason: reason, updatedAt: latest(before.updatedAt, work.now) })
    .where(and(eq(invoices.tenantId, work.tenantId), eq(invoices.id, before.id)))
    .returning();
  if (voided === undefined) throw new Error('an invoice that was locked is not there');
  await work.emit(eventOf(voided, 'invoice.voided', { reason }));
  return voided;
}

/** The same for what nobody has paid: refused while money lies on it. */
export async function voidUnpaid(work: Work, invoice: Pick<Invoice, 'id'>, reason: string): Promise<Invoice> {
  const before = await invoiceToSettle(work, invoice);
  const kept = amountKeptOf(before);
  if (before.voidedAt === null && !isZero(kept)) throw invoicePaid(before.number, kept, before.currency);
  return voidWithCredit(work, before, reason);
}
