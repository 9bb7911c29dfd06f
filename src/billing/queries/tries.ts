import { and, eq, sql } from 'drizzle-orm';
import type { InvoiceId } from '../../core/id.js';
import type { Reading, Work } from '../../core/work.js';
import type { Processor } from '../model/invoice.js';
import { triesPrefix } from '../model/tries.js';
import { entriesOf } from '../queries.js';
import { payments } from '../table.js';

/** The names under which tries of a payment were entered for an invoice, which all failed, in their order. */
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
        entriesOf(reading, invoiceId, { kind: 'PAYMENT', processor }),
        eq(payments.state, 'FAILED'),
        sql`(${payments.reference} = ${reference} or starts_with(${payments.reference}, ${triesPrefix(reference)}))`,
      ),
    )
    .orderBy(payments.createdAt, payments.id);
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
