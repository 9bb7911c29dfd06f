import { and, eq, inArray } from 'drizzle-orm';
import type { InvoiceId } from '../../core/id.js';
import type { Reading, Work } from '../../core/work.js';
import { type InboundReason, type InboundWebhookId, nextMatch } from '../model/inbound.js';
import type { PaymentFact } from '../model/paymentFacts.js';
import { mismatchOf } from '../model/refusals.js';
import { entryByReference, lockInvoice } from '../queries.js';
import { type InboundWebhook, inboundWebhooks } from '../table/inbound.js';
import { type Invoice, invoices } from '../table.js';
import { findReferredInvoice, referInvoice } from './references.js';
import { failPayment, settlePayment } from './settle.js';
import { settleToldRefund } from './toldRefunds.js';

/** What becomes of a webhook. */
type Outcome =
  | { readonly status: 'PROCESSED'; readonly reason?: undefined }
  | { readonly status: 'FAILED'; readonly reason: InboundReason };

const PROCESSED: Outcome = { status: 'PROCESSED' };
const aside = (reason: InboundReason): Outcome => ({ status: 'FAILED', reason });

/** The processor's names of what it tells of: any of them may have been entered with the invoice. */
export function referencesOf({ reference, payment, aliases }: PaymentFact): string[] {
  return [...new Set([reference, ...(payment === null ? [] : [payment]), ...aliases])];
}

async function idByNumber(work: Work, number: string | undefined): Promise<string | undefined> {
  if (number === undefined) return undefined;
  const [row] = await work.db
    .select({ id: invoices.id })
    .from(invoices)
    .where(and(eq(invoices.tenantId, work.tenantId), eq(invoices.number, number)));
  return row?.id;
}

/**
 * How a name is entered. What a tenant's own endpoint tells is signed by that tenant: it would enter others' names before
 * their events come, were they not entered as its own.
 */
function enteredName(
  { endpointId }: Pick<InboundWebhook, 'endpointId'>,
  tenantId: string,
  name: string,
): string {
  return endpointId === null ? name : `${tenantId} ${name}`;
}

async function idByReference(
  work: Pick<Reading, 'db' | 'keys' | 'tenantId'>,
  webhook: InboundWebhook,
  fact: PaymentFact,
): Promise<InvoiceId | undefined> {
  for (const name of referencesOf(fact)) {
    for (const entered of new Set([name, enteredName(webhook, work.tenantId, name)])) {
      const found = await findReferredInvoice(work.db, work.keys, webhook.processor, entered);
      if (found?.tenantId === work.tenantId) return found.invoiceId;
    }
  }
  return undefined;
}

/** By what the event names, or else by what the processor was heard to call it before. Only ever of this tenant. */
async function invoiceOf(
  work: Work,
  webhook: InboundWebhook,
  fact: PaymentFact,
): Promise<Invoice | undefined> {
  const { number } = fact.invoice;
  // Whoever has said which invoice it is about, or whatever was found before, comes first.
  const id = webhook.invoiceId ?? fact.invoice.id;
  const named = id === undefined ? undefined : await lockInvoice(work, id);
  if (named !== undefined) return named;
  const other = (await idByNumber(work, number)) ?? (await idByReference(work, webhook, fact));
  return other === undefined ? undefined : lockInvoice(work, other);
}

/** One name of a payment for two invoices: which of them was paid, a person has to find out. */
async function isOfAnother(
  work: Work,
  invoice: Invoice,
  { processor }: InboundWebhook,
  reference: string,
): Promise<boolean> {
  const known = await entryByReference(work, 'PAYMENT', processor, reference);
  return known !== undefined && known.invoiceId !== invoice.id;
}

async function settled(
  work: Work,
  invoice: Invoice,
  webhook: InboundWebhook,
  fact: PaymentFact,
): Promise<Outcome> {
  const { processor, receivedAt } = webhook;
  const { reference, amount, currency, words } = fact;
  // Whoever names no try of his own sends one message for each.
  const attempt = fact.attempt ?? (processor === 'BILLING' ? webhook.eventId : undefined);
  if (fact.kind === 'DISPUTE') return aside('DISPUTED');
  if (fact.kind === 'REFUND_FAILURE') return aside('REFUND_FAILED');
  if (fact.kind === 'FAILURE') {
    const event = fact.isOncePerTry ? webhook.eventId : undefined;
    await failPayment(work, invoice, { processor, reference, attempt, event, reason: words });
    return PROCESSED;
  }
  const mismatch = mismatchOf(invoice, { amount, currency });
  if (mismatch !== undefined) return aside(mismatch === 'CURRENCY' ? 'CURRENCY_MISMATCH' : 'UNREADABLE');
  if (fact.kind === 'PAYMENT' && (await isOfAnother(work, invoice, webhook, reference)))
    return aside('REFERENCE_TAKEN');
  const at = fact.at !== null && fact.at <= receivedAt ? fact.at : receivedAt;
  if (fact.kind === 'PAYMENT')
    await settlePayment(work, invoice, { processor, reference, amount, currency, receivedAt: at });
  else await settleToldRefund(work, invoice, { processor, fact, receivedAt: at });
  return PROCESSED;
}

/** The webhook, locked, unless somebody else has done with it. */
async function lockOpen(work: Work, id: InboundWebhookId): Promise<InboundWebhook | undefined> {
  const [row] = await work.db
    .select()
    .from(inboundWebhooks)
    .where(and(eq(inboundWebhooks.id, id), inArray(inboundWebhooks.status, ['RECEIVED', 'UNMATCHED'])))
    .for('no key update');
  return row;
}

/** Whoever looks after payments is told of what was set aside. */
async function tellAside(
  work: Work,
  { id, processor, eventType }: InboundWebhook,
  reason: InboundReason,
  fact: PaymentFact | undefined,
  invoice: Invoice | undefined,
): Promise<void> {
  await work.emit({
    type: 'inbound_webhook.set_aside',
    subjectId: id,
    ...(invoice?.licenseId ? { licenseId: invoice.licenseId } : {}),
    data: {
      ...{ reason, processor, event_type: eventType },
      ...(fact === undefined
        ? {}
        : { amount: fact.amount, currency: fact.currency, reference: fact.reference }),
      ...(invoice === undefined ? {} : { invoice_id: invoice.id, invoice_number: invoice.number }),
    },
  });
}

type Change = Partial<Omit<InboundWebhook, 'id'>>;

async function change(work: Work, id: InboundWebhookId, values: Change): Promise<void> {
  await work.db.update(inboundWebhooks).set(values).where(eq(inboundWebhooks.id, id));
}

/** Sets a webhook aside whose tenant is known. */
export async function setAside(work: Work, id: InboundWebhookId, reason: InboundReason): Promise<void> {
  const webhook = await lockOpen(work, id);
  if (webhook === undefined) return;
  await change(work, id, { status: 'FAILED', reason, nextAttemptAt: null, processedAt: work.now });
  await tellAside(work, webhook, reason, undefined, undefined);
}

/**
 * Does what an event says, once: the row of the webhook is locked first, then the invoice. What it tells may have been told
 * by another event, or by the answer to a charge; then nothing is done, and it is processed all the same.
 */
export async function settleInbound(work: Work, id: InboundWebhookId, fact: PaymentFact): Promise<void> {
  const webhook = await lockOpen(work, id);
  if (webhook === undefined) return;
  const invoice = await invoiceOf(work, webhook, fact);
  if (invoice === undefined) {
    const nextAttemptAt = nextMatch(webhook.attempts, webhook.receivedAt, work.now);
    const invoiceRef = fact.invoice.id ?? null;
    await change(work, id, { status: 'UNMATCHED', reason: 'UNKNOWN_INVOICE', nextAttemptAt, invoiceRef });
    return;
  }
  const outcome = await settled(work, invoice, webhook, fact);
  for (const name of referencesOf(fact)) {
    await referInvoice(work, invoice, webhook.processor, enteredName(webhook, work.tenantId, name));
  }
  const { status, reason = null } = outcome;
  const invoiceId = invoice.id;
  const done = { tenantId: work.tenantId, invoiceId, nextAttemptAt: null, processedAt: work.now };
  await change(work, id, { ...done, status, reason });
  if (outcome.reason !== undefined) await tellAside(work, webhook, outcome.reason, fact, invoice);
}

/** A first guess of where an event without a tenant belongs, which `settleInbound` looks up again. */
export async function tenantOf(
  reading: Pick<Reading, 'db' | 'keys'>,
  { processor }: Pick<InboundWebhook, 'processor'>,
  fact: PaymentFact,
) {
  const { db, keys } = reading;
  const { id, number, tenantId } = fact.invoice;
  if (id !== undefined) {
    const found = await findReferredInvoice(db, keys, 'INVOICE', id);
    if (found !== undefined) return found.tenantId;
  }
  if (number !== undefined && tenantId !== undefined) {
    const rows = await db
      .select({ id: invoices.id })
      .from(invoices)
      .where(and(eq(invoices.tenantId, tenantId), eq(invoices.number, number)));
    if (rows.length > 0) return tenantId;
  }
  for (const reference of referencesOf(fact)) {
    const found = await findReferredInvoice(db, keys, processor, reference);
    if (found !== undefined) return found.tenantId;
  }
  return undefined;
}
