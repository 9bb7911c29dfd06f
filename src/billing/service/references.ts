import { findInDirectory } from '../../access/queries.js';
import { keyDirectory } from '../../access/table.js';
import type { Db } from '../../core/db.js';
import type { InvoiceId, TenantId } from '../../core/id.js';
import type { Reading, Work } from '../../core/work.js';
import type { Processor } from '../model/invoice.js';
import type { Invoice } from '../table.js';

/** Our own id of an invoice, or what a processor calls a payment of it. */
export type ReferenceSource = Processor | 'INVOICE';

const written = (source: ReferenceSource, reference: string): string => `${source}:${reference}`;

/** Where a reference leads that came without a tenant. */
export async function findReferredInvoice(
  db: Db,
  keys: Reading['keys'],
  source: ReferenceSource,
  reference: string,
): Promise<{ readonly tenantId: TenantId; readonly invoiceId: InvoiceId } | undefined> {
  const hashes = keys.hashes('PAYMENT_REFERENCE', written(source, reference));
  const found = await findInDirectory(db, 'PAYMENT_REFERENCE', hashes);
  return found === undefined
    ? undefined
    : { tenantId: found.tenantId, invoiceId: found.subjectId as InvoiceId };
}

/**
 * Enters what a processor calls a payment of this invoice, so that what the processor tells of it finds the invoice. The
 * first invoice keeps a reference: nobody takes another's payment by naming it.
 */
export async function referInvoice(
  work: Work,
  { id }: Pick<Invoice, 'id'>,
  source: ReferenceSource,
  reference: string,
): Promise<void> {
  const hash = work.keys.hash('PAYMENT_REFERENCE', written(source, reference));
  await work.db
    .insert(keyDirectory)
    .values({ hash, kind: 'PAYMENT_REFERENCE', tenantId: work.tenantId, subjectId: id })
    .onConflictDoNothing();
}
