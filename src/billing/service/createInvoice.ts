import { DEFAULT_DUE_DAYS } from '../../access/model/settings.js';
import { customersById, resellersById, tenantOf } from '../../access/queries.js';
import type { Customer, Reseller, Tenant } from '../../access/table.js';
import { addDays, type Instant } from '../../core/clock.js';
import { type CustomerId, type LicenseId, newId, type ResellerId } from '../../core/id.js';
import { compareAmounts, isZero, plainAmount, sumOf, ZERO } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import type { InvoicePurpose, Seller } from '../model/invoice.js';
import type { Price } from '../model/price.js';
import { paymentStatusOf } from '../model/standing.js';
import { type Invoice, invoices } from '../table.js';
import { nextNumber } from './nextNumber.js';
import { referInvoice } from './references.js';

export interface NewInvoice {
  readonly purpose: InvoicePurpose;
  readonly customerId: CustomerId | null;
  readonly resellerId: ResellerId | null;
  readonly licenseId: LicenseId | null;
  readonly price: Price;
  /** Null: as many days from now as the tenant gives its customers. */
  readonly dueAt: Instant | null;
}

function sellerOf({ name, settings }: Pick<Tenant, 'name' | 'settings'>): Seller {
  const { companyName, companyAddress } = settings.branding ?? {};
  const { taxId } = settings.invoices ?? {};
  return {
    name: companyName ?? name,
    ...(companyAddress === undefined ? {} : { address: companyAddress }),
    ...(taxId === undefined ? {} : { taxId }),
  };
}

async function buyerOf(
  work: Work,
  { customerId, resellerId }: NewInvoice,
): Promise<Customer | Reseller | undefined> {
  if (customerId !== null) return (await customersById(work, [customerId])).get(customerId);
  return resellerId === null ? undefined : (await resellersById(work, [resellerId])).get(resellerId);
}

/** The buyer as it is called now: an invoice that was sent names it so for ever. */
async function billedTo(work: Work, wanted: NewInvoice, seller: Seller) {
  const buyer = await buyerOf(work, wanted);
  return {
    billTo: buyer?.name ?? seller.name,
    billToAddress: buyer?.billingAddress ?? null,
    billToTaxId: buyer?.taxId ?? null,
  };
}

/** Whoever computes a price owes that it adds up: what does not is a defect, and is never billed. */
function requireSum({ lines, total }: Price): void {
  const sum = sumOf(lines.map(({ amount }) => amount));
  if (compareAmounts(sum, total) !== 0 || compareAmounts(total, ZERO) < 0) {
    throw new Error('the lines of a price do not add up to its total');
  }
}

/** An invoice that lacks its number, and nothing else. */
export interface DraftInvoice {
  readonly values: Omit<typeof invoices.$inferInsert, 'number'>;
  readonly billTo: string;
}

/** All of an invoice that can be known and written before it has a number: whoever has one makes others wait. */
export async function draftInvoice(work: Work, wanted: NewInvoice): Promise<DraftInvoice> {
  const { purpose, customerId, resellerId, licenseId, price } = wanted;
  requireSum(price);
  const tenant = await tenantOf(work);
  const seller = sellerOf(tenant);
  const billed = await billedTo(work, wanted, seller);
  const { currency, lines, subtotal, discount, tax, total } = price;
  const paidAt = isZero(total) ? work.now : null;
  const settled = { amountPaid: ZERO, amountRefunded: ZERO, paidAt, failedAt: null };
  const paymentStatus = paymentStatusOf(settled);
  const id = newId<'Invoice'>(work.now);
  await referInvoice(work, { id }, 'INVOICE', id);
  const values = {
    ...{ tenantId: work.tenantId, id, purpose, customerId, resellerId, licenseId, ...billed, seller },
    ...{ currency, lines, subtotal, discount, tax, total, paymentStatus },
    dueAt: wanted.dueAt ?? addDays(work.now, tenant.settings.invoices?.dueDays ?? DEFAULT_DUE_DAYS),
    paidAt,
    createdAt: work.now,
    updatedAt: work.now,
  };
  return { values, billTo: billed.billTo };
}

/** Sent before this returns: what refers to the invoice may be sent behind it without waiting for its answer. */
export async function insertInvoice(
  work: Work,
  { values, billTo }: DraftInvoice,
  number: string,
): Promise<Invoice> {
  const rows = work.db
    .insert(invoices)
    .values({ ...values, number })
    .returning();
  const [invoice] = await rows.execute();
  if (invoice === undefined) throw new Error('an insert returned no row');
  const { licenseId } = invoice;
  await work.emit({
    type: 'invoice.created',
    subjectId: invoice.id,
    ...(licenseId === null ? {} : { licenseId }),
    data: createdData(invoice),
    personal: { bill_to: billTo },
  });
  return invoice;
}

/** Bills a price, to the customer or else to the reseller. A total of nothing is paid from the start. */
export async function createInvoice(work: Work, wanted: NewInvoice): Promise<Invoice> {
  const draft = await draftInvoice(work, wanted);
  return insertInvoice(work, draft, await nextNumber(work, 'INV'));
}

function createdData(invoice: Invoice): Readonly<Record<string, unknown>> {
  const { number, purpose, customerId, resellerId, currency, total, dueAt, paymentStatus } = invoice;
  return {
    ...{ number, purpose, customer_id: customerId, reseller_id: resellerId },
    ...{ currency, total: plainAmount(total), due_at: dueAt, payment_status: paymentStatus },
  };
}
