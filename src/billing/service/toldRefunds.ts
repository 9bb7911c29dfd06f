import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import {
  type Amount,
  compareAmounts,
  difference,
  largerOf,
  plainAmount,
  sumOf,
  ZERO,
} from '../../core/money.js';
import type { Work } from '../../core/work.js';
import { type InboundProcessor, inboundProcessors } from '../model/inbound.js';
import type { Processor } from '../model/invoice.js';
import type { PaymentFact } from '../model/paymentFacts.js';
import { entriesOf, entryByReference, paymentsById } from '../queries.js';
import { toldRefunds } from '../table/inbound.js';
import { type Invoice, type Payment, payments } from '../table.js';
import { settleRefund } from './refund.js';

/** What is told of all refunds of a payment together stands beside those that are told one by one. */
const ALL = '';

export interface ToldRefund {
  readonly processor: InboundProcessor;
  readonly fact: PaymentFact;
  readonly receivedAt: Instant;
}

/** Writes down what was told; of sums the largest holds, since they only grow. */
async function note(work: Work, { processor, fact }: ToldRefund, payment: string): Promise<void> {
  const reference = fact.kind === 'REFUNDED_TO_DATE' ? ALL : fact.reference;
  await work.db
    .insert(toldRefunds)
    .values({ tenantId: work.tenantId, processor, payment, reference, amount: fact.amount })
    .onConflictDoUpdate({
      target: [toldRefunds.tenantId, toldRefunds.processor, toldRefunds.payment, toldRefunds.reference],
      set: { amount: sql`greatest(${toldRefunds.amount}, excluded.amount)` },
    });
}

interface Told {
  /** All together, as far as it was told. */
  readonly sum: Amount;
  readonly singly: ReadonlyMap<string, Amount>;
}

async function told(work: Work, processor: InboundProcessor, payment: string): Promise<Told> {
  const rows = await work.db
    .select({ reference: toldRefunds.reference, amount: toldRefunds.amount })
    .from(toldRefunds)
    .where(
      and(
        eq(toldRefunds.tenantId, work.tenantId),
        eq(toldRefunds.processor, processor),
        eq(toldRefunds.payment, payment),
      ),
    );
  const amounts = new Map(rows.map(({ reference, amount }) => [reference, plainAmount(amount)]));
  const sum = amounts.get(ALL) ?? ZERO;
  amounts.delete(ALL);
  return { sum, singly: amounts };
}

/** The refunds of the invoice by this processor, those among them that are asked for and not answered yet. */
async function refundsOf(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  processor: InboundProcessor,
): Promise<Payment[]> {
  return work.db
    .select()
    .from(payments)
    .where(
      and(
        entriesOf(work, invoice.id, { kind: 'REFUND', processor }),
        inArray(payments.state, ['SETTLED', 'PENDING']),
      ),
    );
}

const totalOf = (rows: readonly Pick<Payment, 'amount'>[]): Amount =>
  sumOf(rows.map(({ amount }) => plainAmount(amount)));

/** A payment by a processor, by its name there. */
interface Whose {
  readonly processor: InboundProcessor;
  readonly payment: string;
  readonly receivedAt: Instant;
}

/**
 * What was told of a payment's refunds is added up both ways, and what the larger of the two is more than what is settled, or
 * asked for here and not answered, is settled now: under the name that it was told by, if that is free.
 */
async function settleMissing(
  work: Work,
  invoice: Invoice,
  { processor, payment, receivedAt }: Whose,
  nameOf: (free: (name: string) => boolean, told: Told, missing: Amount) => string | undefined,
): Promise<void> {
  const known = await told(work, processor, payment);
  const { sum, singly } = known;
  const refundOf = (await entryByReference(work, 'PAYMENT', processor, payment))?.id ?? null;
  const gap = `${payment}/`;
  const ours = (await refundsOf(work, invoice, processor)).filter(
    (row) =>
      (row.refundOf !== null && row.refundOf === refundOf) ||
      (row.reference !== null && (singly.has(row.reference) || row.reference.startsWith(gap))),
  );
  const untold = ours.filter(
    (row) =>
      row.state === 'SETTLED' &&
      row.reference !== null &&
      !singly.has(row.reference) &&
      !row.reference.startsWith(gap),
  );
  const wanted = largerOf(sum, sumOf([...singly.values(), totalOf(untold)]));
  const missing = difference(wanted, totalOf(ours));
  if (compareAmounts(missing, ZERO) <= 0) return;
  const isFree = (name: string): boolean => ours.every((row) => row.reference !== name);
  const reference = nameOf(isFree, known, missing) ?? `${gap}${wanted}`;
  const { currency } = invoice;
  await settleRefund(work, invoice, {
    processor,
    currency,
    receivedAt,
    reference,
    amount: missing,
    refundOf,
  });
}

/**
 * Money went back. A processor tells of one refund in two ways, by itself and in the sum of all refunds of its payment, in
 * either order or in one of them alone; what we have asked for ourselves it tells too.
 */
export async function settleToldRefund(work: Work, invoice: Invoice, refund: ToldRefund): Promise<void> {
  const { processor, fact, receivedAt } = refund;
  const { payment, reference, amount, currency } = fact;
  if (payment === null) {
    await settleRefund(work, invoice, { processor, currency, receivedAt, reference, amount });
    return;
  }
  await note(work, refund, payment);
  await settleMissing(work, invoice, { processor, payment, receivedAt }, (isFree) =>
    fact.kind === 'REFUND' && isFree(reference) ? reference : undefined,
  );
}

const isInbound = (processor: Processor): processor is InboundProcessor =>
  inboundProcessors.some((each) => each === processor);

/**
 * The processor did not pay back what was asked for here: what it told of refunds of that payment meanwhile, and what was
 * taken for ours, was somebody else's, and counts.
 */
export async function settleToldBehind(work: Work, invoice: Invoice, failed: Payment): Promise<void> {
  const { processor, refundOf } = failed;
  const payment = refundOf === null ? undefined : (await paymentsById(work, [refundOf])).get(refundOf);
  if (payment?.reference == null || !isInbound(processor)) return;
  const whose = { processor, payment: payment.reference, receivedAt: work.now };
  await settleMissing(
    work,
    invoice,
    whose,
    (isFree, { singly }, missing) =>
      [...singly].find(([name, amount]) => isFree(name) && compareAmounts(amount, missing) === 0)?.[0],
  );
}
