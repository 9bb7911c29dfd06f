import { and, eq, inArray, isNull, lt, sql } from 'drizzle-orm';
import { customerNotFound } from '../../access/model.js';
import { findInDirectory, lockCustomer } from '../../access/queries.js';
import { type Customer, keyDirectory } from '../../access/table.js';
import { scopeOf, subjectOf } from '../../core/actor.js';
import { type CustomerId, newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { customerMissing, payerTaken, payerUnknown } from '../model/paymentMethods.js';
import { ATTEMPTS, DEPLOYMENT } from '../model/renewals.js';
import { lockPaymentMethod } from '../queries/charges.js';
import { chargedEndpoint } from '../queries/inbound.js';
import type { SetPaymentMethodInput } from '../schema/renewals.js';
import { type PaymentMethod, paymentMethods, renewals } from '../table/charges.js';
import { invoices } from '../table.js';

/** Whose payment method it is: somebody's of the vendor names the customer, a customer's own people are that one. */
async function customerOf(work: Work, named: CustomerId | null | undefined): Promise<Customer> {
  const { customerId, resellerId } = scopeOf(work.actor);
  const id = named ?? customerId;
  if (id === undefined) throw customerMissing();
  // What a customer pays with is between it and the vendor.
  const customer = resellerId === undefined ? await lockCustomer(work, id) : undefined;
  if (customer === undefined) throw customerNotFound(id);
  return customer;
}

const KIND = 'PAYMENT_REFERENCE';

/**
 * A payer's name at a processor stands for one customer of a tenant: whoever could name another's would have his card
 * charged. The vendor enters it; the customer may then change the card, and not the payer. Of tenants that share an account
 * none keeps a name from another: which of them it is, the account itself says when it is charged.
 */
async function claimPayer(work: Work, account: string, payer: string, customerId: CustomerId): Promise<void> {
  const name = `PAYER:${work.tenantId}:${account}:${payer}`;
  const isVendor = scopeOf(work.actor).customerId === undefined;
  const find = () => findInDirectory(work.db, KIND, work.keys.hashes(KIND, name));
  if (isVendor && (await find()) === undefined) {
    const hash = work.keys.hash(KIND, name);
    await work.db
      .insert(keyDirectory)
      .values({ hash, kind: KIND, tenantId: work.tenantId, subjectId: customerId })
      .onConflictDoNothing();
  }
  const known = await find();
  if (known?.tenantId === work.tenantId && known.subjectId === customerId) return;
  throw isVendor ? payerTaken() : payerUnknown();
}

/** What waits for a payment method is charged by this one, unless it was tried as often as it is. */
async function chargeWhatWaits(work: Work, customerId: CustomerId): Promise<void> {
  const own = work.db
    .select({ id: invoices.id })
    .from(invoices)
    .where(and(eq(invoices.tenantId, work.tenantId), eq(invoices.customerId, customerId)));
  await work.db
    .update(renewals)
    .set({ nextAttemptAt: work.now, updatedAt: work.now })
    .where(
      and(
        eq(renewals.tenantId, work.tenantId),
        sql`status = 'OPEN'`,
        eq(renewals.way, 'AUTOMATIC'),
        lt(renewals.attempts, ATTEMPTS),
        isNull(renewals.nextAttemptAt),
        inArray(renewals.invoiceId, own),
      ),
    );
}

export async function setPaymentMethod(work: Work, input: SetPaymentMethodInput): Promise<PaymentMethod> {
  const { id: customerId } = await customerOf(work, input.customerId);
  const { stripeCustomer: payer, stripePaymentMethod: method, label, expiresAt = null } = input;
  const account = (await chargedEndpoint(work, 'STRIPE'))?.id ?? DEPLOYMENT;
  await claimPayer(work, account, payer, customerId);
  const changes = { processor: 'STRIPE', account, payer, method, label, expiresAt } as const;
  const [row] = await work.db
    .insert(paymentMethods)
    .values({
      ...{ tenantId: work.tenantId, id: newId<'PaymentMethod'>(work.now), customerId, ...changes },
      ...{ setBy: subjectOf(work.actor) ?? 'nobody', createdAt: work.now, updatedAt: work.now },
    })
    .onConflictDoUpdate({
      target: [paymentMethods.tenantId, paymentMethods.customerId],
      set: { ...changes, setBy: subjectOf(work.actor) ?? 'nobody', updatedAt: work.now },
    })
    .returning();
  if (row === undefined) throw new Error('an insert returned no row');
  await chargeWhatWaits(work, customerId);
  await work.emit({
    type: 'payment_method.set',
    subjectId: row.id,
    data: { customer_id: customerId, processor: 'STRIPE', account },
    personal: { label },
  });
  return row;
}

/** The customer pays by hand from now on, and nothing is kept of what it paid with. Removing what is not there does nothing. */
export async function removePaymentMethod(
  work: Work,
  named: CustomerId | null | undefined,
): Promise<PaymentMethod['id'] | null> {
  const { id: customerId } = await customerOf(work, named);
  const method = await lockPaymentMethod(work, customerId);
  if (method === undefined) return null;
  const nothing = { processor: 'MANUAL', payer: '', method: '', label: '', expiresAt: null } as const;
  await work.db
    .update(paymentMethods)
    .set({ ...nothing, setBy: subjectOf(work.actor) ?? 'nobody', updatedAt: work.now })
    .where(and(eq(paymentMethods.tenantId, work.tenantId), eq(paymentMethods.id, method.id)));
  const data = { customer_id: customerId, processor: method.processor };
  await work.emit({ type: 'payment_method.removed', subjectId: method.id, data });
  return method.id;
}
