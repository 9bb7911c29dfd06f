import { and, count, eq } from 'drizzle-orm';
import { DEFAULT_COLOR, DEFAULT_LANGUAGE, DEFAULT_TIME_ZONE } from '../../access/model/settings.js';
import { customersById, resellersById, tenantOf } from '../../access/queries.js';
import type { Customer, Reseller } from '../../access/table.js';
import type { Reading } from '../../core/work.js';
import type { InvoiceSheet } from '../documents/layout.js';
import { invoicesById } from '../queries.js';
import { type Invoice, payments } from '../table.js';

/** As many payments as are printed one by one. */
export const MOST_PRINTED_PAYMENTS = 100;

/** Whose language and clock an invoice is printed in. */
async function payerOf(
  reading: Reading,
  { customerId, resellerId }: Invoice,
): Promise<Customer | Reseller | undefined> {
  if (customerId !== null) return (await customersById(reading, [customerId])).get(customerId);
  return resellerId === null ? undefined : (await resellersById(reading, [resellerId])).get(resellerId);
}

/** What is printed of an invoice that the caller sees. */
export async function invoiceSheet(reading: Reading, id: string): Promise<InvoiceSheet | undefined> {
  const invoice = (await invoicesById(reading, [id])).get(id);
  if (invoice === undefined) return undefined;
  const { settings } = await tenantOf(reading);
  const payer = await payerOf(reading, invoice);
  const settled = and(
    eq(payments.tenantId, reading.tenantId),
    eq(payments.invoiceId, invoice.id),
    eq(payments.state, 'SETTLED'),
  );
  const printed = await reading.db
    .select()
    .from(payments)
    .where(settled)
    .orderBy(payments.receivedAt, payments.id)
    .limit(MOST_PRINTED_PAYMENTS);
  const [all] = await reading.db.select({ count: count() }).from(payments).where(settled);
  return {
    invoice,
    payments: printed,
    furtherPayments: (all?.count ?? 0) - printed.length,
    language: payer?.language ?? settings.language ?? DEFAULT_LANGUAGE,
    timeZone: payer?.timeZone ?? settings.timeZone ?? DEFAULT_TIME_ZONE,
    color: settings.branding?.primaryColor ?? DEFAULT_COLOR,
  };
}
