import { and, eq } from 'drizzle-orm';
import { latest } from '../../core/clock.js';
import { isZero } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import { invoicePaid } from '../model/refusals.js';
import { amountKeptOf } from '../model/standing.js';
import { type Invoice, invoices } from '../table.js';
import { eventOf, invoiceToSettle } from './entries.js';

/**
 * Nothing is to be paid for it any more. Its number stays, and money that comes all the same is recorded and is the
 * payer's. Voiding it twice does nothing.
 */
export async function voidUnpaid(work: Work, invoice: Pick<Invoice, 'id'>, reason: string): Promise<Invoice> {
  const before = await invoiceToSettle(work, invoice);
  if (before.voidedAt !== null) return before;
  const kept = amountKeptOf(before);
  if (!isZero(kept)) throw invoicePaid(before.number, kept, before.currency);
  const [voided] = await work.db
    .update(invoices)
    .set({ voidedAt: work.now, voidReason: reason, updatedAt: latest(before.updatedAt, work.now) })
    .where(and(eq(invoices.tenantId, work.tenantId), eq(invoices.id, before.id)))
    .returning();
  if (voided === undefined) throw new Error('an invoice that was locked is not there');
  await work.emit(eventOf(voided, 'invoice.voided', { reason }));
  return voided;
}
