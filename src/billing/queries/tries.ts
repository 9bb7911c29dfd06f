import { and, eq, sql } from 'drizzle-orm';
import type { InvoiceId } from '../../core/id.js';
import type { Reading, Work } from '../../core/work.js';
import type { Processor } from '../model/invoice.js';
import { triesPrefix } from '../model/tries.js';
import { payments } from '../table.js';

/** The names under which tries of a payment were entered for an invoice, which all failed. */
export async function triesOf(
  reading: Reading,
  invoiceId: InvoiceId,
  processor: Processor,
  reference: string,
): Promise<string[]> {
  const rows = await reading.db
    .select({ reference: payments.reference })
    .from(payments)
    .where(
      and(
        eq(payments.tenantId, reading.tenantId),
        eq(payments.invoiceId, invoiceId),
        eq(payments.kind, 'PAYMENT'),
        eq(payments.state, 'FAILED'),
        eq(payments.processor, processor),
        sql`(${payments.reference} = ${reference} or starts_with(${payments.reference}, ${triesPrefix(reference)}))`,
      ),
    );
  return rows.flatMap((row) => row.reference ?? []);
}

/** Gives a try that was told of without its name the one that it has. */
export async function renameTry(
  work: Work,
  { processor, from, to }: { readonly processor: Processor; readonly from: string; readonly to: string },
): Promise<void> {
  await work.db
    .update(payments)
    .set({ reference: to, updatedAt: work.now })
    .where(
      and(
        eq(payments.tenantId, work.tenantId),
        eq(payments.processor, processor),
        eq(payments.kind, 'PAYMENT'),
        eq(payments.reference, from),
      ),
    );
}
