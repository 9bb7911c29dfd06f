import type { Customer } from '../../access/table.js';
import { type Price, priceNaming, priceOf, type TaxRate } from '../../billing/model/price.js';
import { renewalPrice } from '../../billing/model/renewalPrice.js';
import { type DraftInvoice, draftInvoice, insertInvoice } from '../../billing/service/createInvoice.js';
import { defaultTaxes } from '../../billing/service/defaultTaxes.js';
import { nextNumbers } from '../../billing/service/nextNumber.js';
import { mayAct, scopeOf } from '../../core/actor.js';
import { type LicenseId, newId } from '../../core/id.js';
import { isZero } from '../../core/money.js';
import { type FieldProblem, invalidInput, Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { keptRestrictions, receivingCustomer, sellingReseller } from '../../licenses/service/newLicense.js';
import { templateInactive, templateNotFound } from '../../templates/model.js';
import { shareTemplate } from '../../templates/queries.js';
import { requireOnSale } from '../../templates/service.js';
import type { Template } from '../../templates/table.js';
import { monthsOf, type OrderTerms, termsOf } from '../model/terms.js';
import type { CreateOrderInput } from '../schema/inputs.js';
import { licenseOrders, type Order, orderRenewals } from '../table.js';
import { aboutOrder, orderingSubject } from './changeOrder.js';
import { personsOf, wantsSecondPerson } from './persons.js';
import { renewalOf } from './renewOrdered.js';

/** What an order costs is the vendor's to say: nobody who is bound to a part of the tenant does, whatever a token grants. */
function mayOverride(work: Work): boolean {
  const { customerId, resellerId } = scopeOf(work.actor);
  const isBound = customerId !== undefined || resellerId !== undefined;
  return !isBound && mayAct(work.actor, 'order.override_price');
}

function requirePlainPrice(work: Work, { pricingOverride, taxes }: CreateOrderInput): void {
  if (mayOverride(work) || !(pricingOverride || taxes)) return;
  const permission = 'order.override_price';
  throw new Refusal('FORBIDDEN', `Prices and taxes of an order need the permission '${permission}'.`, {
    permission,
  });
}

/** A customer orders for itself, a reseller for one of its own. The vendor also orders for the whole tenant, or a pool. */
async function buyerOf(work: Work, input: CreateOrderInput): Promise<Customer | undefined> {
  const { customerId, resellerId } = scopeOf(work.actor);
  const id = input.customerId ?? customerId;
  if (id !== undefined) return receivingCustomer(work, id);
  if (resellerId === undefined) return undefined;
  throw invalidInput([{ field: 'input.customerId', message: 'a reseller has to name the customer' }]);
}

async function orderableTemplate(work: Work, id: string): Promise<Template> {
  const template = await shareTemplate(work, id);
  if (template === undefined) throw templateNotFound(id);
  if (!template.active) throw templateInactive(id);
  return template;
}

function taxProblems(taxes: readonly TaxRate[]): FieldProblem[] {
  return taxes.flatMap(({ percentage }, index) =>
    Number(percentage) >= 0 && Number(percentage) <= 100
      ? []
      : [{ field: `input.taxes.${index}.percentage`, message: 'must be from 0 to 100' }],
  );
}

/** The terms with which licenses are made, in the words in which they are kept. */
function keptTerms(work: Work, terms: OrderTerms): OrderTerms {
  return { ...terms, restrictions: keptRestrictions(work, terms.restrictions) };
}

interface Bought {
  readonly template: Template;
  readonly terms: OrderTerms;
  readonly quantity: number;
  readonly renews: readonly LicenseId[];
  readonly taxes: readonly TaxRate[];
  readonly price: Price;
}

async function orderedBy(work: Work) {
  return {
    orderedBy: orderingSubject(work),
    orderedByPersons: await personsOf(work),
    needsSecondPerson: await wantsSecondPerson(work),
  };
}

type OrderValues = ReturnType<typeof wishesOf> &
  Awaited<ReturnType<typeof orderedBy>> &
  Pick<Order, 'customerId' | 'resellerId' | 'invoiceId' | 'orderNumber'>;

/** What is renewed costs what `renewalQuote` says, as if each license were renewed by an invoice of its own, less the discount. */
function pricedAs(
  terms: OrderTerms,
  quantity: number,
  isRenewal: boolean,
  { defaultDuration, templateName }: Template,
  taxes: readonly TaxRate[],
): Price {
  if (!isRenewal) return priceNaming(priceOf(terms.pricing, { ...terms, quantity }, taxes), templateName);
  const { licenseType, maxActivations } = terms;
  const facts = { quantity, maxActivations, licenseType, durationMonths: monthsOf(terms), defaultDuration };
  return priceNaming(renewalPrice(terms.pricing, facts, taxes), templateName);
}

async function boughtBy(
  work: Work,
  input: CreateOrderInput,
  customer: Customer | undefined,
  template: Template,
): Promise<Bought> {
  const product = await requireOnSale(work, template.productId);
  const { problems, terms } = termsOf(template, product, input, mayOverride(work));
  const taxes = input.taxes ?? (await defaultTaxes(work));
  const renews = input.renewLicenseIds ?? null;
  const renewal = renews === null ? undefined : await renewalOf(work, { input, renews, customer, terms });
  const wrong = [...problems, ...taxProblems(taxes), ...(renewal?.problems ?? [])];
  if (wrong.length > 0) throw invalidInput(wrong);
  const quantity = renewal?.licenses.length ?? input.quantity ?? 1;
  const ordered = renewal?.terms ?? keptTerms(work, terms);
  const price = pricedAs(ordered, quantity, renewal !== undefined, template, taxes);
  return { template, terms: ordered, quantity, renews: renewal?.licenses ?? [], taxes, price };
}

async function billOf(
  work: Work,
  customer: Customer | undefined,
  resellerId: Order['resellerId'],
  price: Price,
): Promise<DraftInvoice | undefined> {
  if (isZero(price.total)) return undefined;
  const about = { purpose: 'ORDER', customerId: customer?.id ?? null, resellerId, licenseId: null } as const;
  return draftInvoice(work, { ...about, price, dueAt: null });
}

/** What is asked for, as it was asked. */
function wishesOf(work: Work, input: CreateOrderInput) {
  return {
    customFeatures: input.customFeatures ?? null,
    customRestrictions: input.customRestrictions ? keptRestrictions(work, input.customRestrictions) : null,
    durationOverride: input.durationOverride ?? null,
    durationMonths: input.durationMonths ?? null,
    pricingOverride: input.pricingOverride ?? null,
    specialInstructions: input.specialInstructions ?? null,
    fulfillmentMethod: input.fulfillmentMethod,
  };
}

/** What there is nothing to pay for counts as paid. */
function standingOf({ price }: Bought, now: Order['createdAt']) {
  const free = isZero(price.total);
  return { paymentStatus: free ? 'PAID' : 'PENDING', paidAt: free ? now : null } as const;
}

/** Sent before this returns, as its invoice was. */
async function insertOrder(work: Work, bought: Bought, values: OrderValues): Promise<Order> {
  const { template, terms, quantity, taxes, price, renews } = bought;
  const rows = work.db
    .insert(licenseOrders)
    .values({
      ...values,
      ...standingOf(bought, work.now),
      tenantId: work.tenantId,
      id: newId<'Order'>(work.now),
      templateId: template.id,
      templateVersion: template.version,
      ...{ terms, quantity, taxes },
      isRenewal: renews.length > 0,
      lines: price.lines,
      subtotal: price.subtotal,
      discountApplied: price.discount,
      tax: price.tax,
      totalAmount: price.total,
      currency: price.currency,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  const [order] = await rows.execute();
  if (order === undefined) throw new Error('an insert returned no row');
  await insertRenewals(work, order, renews);
  return order;
}

async function insertRenewals(work: Work, order: Order, renews: readonly LicenseId[]): Promise<void> {
  if (renews.length === 0) return;
  const { tenantId } = work;
  const rows = renews.map((licenseId) => ({ tenantId, orderId: order.id, licenseId }));
  await work.db.insert(orderRenewals).values(rows);
}

/**
 * Whoever has a number makes all others of the tenant wait until the commit. So both are taken in one statement, behind
 * everything else, and what is inserted with them is sent in one go.
 */
async function numbered(
  work: Work,
  bill: DraftInvoice | undefined,
  insert: (orderNumber: string) => Promise<Order>,
): Promise<Order> {
  if (bill === undefined) return insert((await nextNumbers(work, ['ORD'])).ORD);
  const { INV, ORD } = await nextNumbers(work, ['INV', 'ORD']);
  const [, order] = await Promise.all([insertInvoice(work, bill, INV), insert(ORD)]);
  return order;
}

/** Prices it, bills it, and keeps all that its licenses will be: nothing that changes in the template later reaches it. */
export async function createOrder(work: Work, input: CreateOrderInput): Promise<Order> {
  requirePlainPrice(work, input);
  const template = await orderableTemplate(work, input.templateId);
  const customer = await buyerOf(work, input);
  const bought = await boughtBy(work, input, customer, template);
  const resellerId = await sellingReseller(work, input.resellerId, customer);
  const asked = { ...wishesOf(work, input), ...(await orderedBy(work)) };
  const bill = await billOf(work, customer, resellerId, bought.price);
  const invoiceId = bill?.values.id ?? null;
  const order = await numbered(work, bill, (orderNumber) =>
    insertOrder(work, bought, {
      ...asked,
      customerId: customer?.id ?? null,
      resellerId,
      invoiceId,
      orderNumber,
    }),
  );
  const { subjectId, data } = aboutOrder(order);
  const facts = {
    ...data,
    customer_id: order.customerId,
    template_id: order.templateId,
    quantity: order.quantity,
    total_amount: order.totalAmount,
    currency: order.currency,
    invoice_id: order.invoiceId,
  };
  await work.emit({ type: 'order.created', subjectId, data: facts });
  return order;
}
