import { randomUUID } from 'node:crypto';
import { instant } from '../../src/core/clock.js';
import {
  charge,
  refundObject,
  type Signed,
  signedByStandard,
  signedByStripe,
  stripeEvent,
} from './inbound.js';
import { type Card, DAY, dated, HOUR, reads } from './yearCards.js';
import { type Act, invoiceOf, told, tried, type YearDesk } from './yearDesk.js';
import { type Bill, isUnderWay, type Paid } from './yearLedger.js';
import { shown, unitsOf } from './yearPrices.js';
import { leftOf } from './yearRefunds.js';
import { wallets } from './yearWallets.js';
import { paymentMethod } from './yearWorld.js';

/** Of what somebody has paid, a payment that money can go back of. */
interface Paying {
  readonly card: Card;
  readonly bill: Bill;
  readonly payment: Paid;
}

/** Nobody gives back while nobody knows whether money moves. */
const refundable = (card: Card): Paying[] =>
  card.bills
    .filter((bill) => !isUnderWay(bill))
    .flatMap((bill) => bill.payments.map((payment) => ({ card, bill, payment })))
    .filter(({ bill, payment }) => leftOf(bill, payment) > 0n);

const isCharged = ({ payment }: Paying): boolean => payment.by === 'STRIPE';

/** It renews itself, and is charged for before its end. */
const isRenewing = (card: Card, now: number): boolean =>
  card.renewsItself &&
  card.offer !== undefined &&
  card.holder?.isOff === false &&
  reads(card, now) === 'ACTIVE';

const isGivingBack = ({ bills }: Card): boolean => bills.some(({ refund }) => refund !== undefined);

async function paymentId(desk: YearDesk, { card, bill, payment }: Paying): Promise<string> {
  const { by, reference = null } = payment;
  const [row] = await desk.server().sql`select id from payments
    where invoice_id = ${await invoiceOf(desk, card, bill)} and kind = 'PAYMENT' and state = 'SETTLED'
      and processor = ${by} and (${reference}::text is null or reference = ${reference}::text)`;
  return String(row?.id);
}

interface Given extends Paying {
  readonly amount: bigint;
  readonly now: number;
}

const REASON = 'Bought by mistake';

async function byHand(desk: YearDesk, given: Given, reference?: string): Promise<void> {
  const { card, bill, payment, amount, now } = given;
  const named = reference === undefined ? {} : { reference };
  const input = { paymentId: await paymentId(desk, given), amount: shown(amount), reason: REASON, ...named };
  await tried(desk, 'refundPayment', { ...input, paidBack: true }, undefined, () =>
    desk.year.till.refunds.goBack(now, card, bill, payment, amount),
  );
}

/** No more than came. */
async function tooMuch(desk: YearDesk, given: Given): Promise<void> {
  const coin = 10n ** BigInt(4 - given.bill.offer.digits);
  const amount = shown(leftOf(given.bill, given.payment) + coin);
  const input = { paymentId: await paymentId(desk, given), amount, reason: REASON, paidBack: true };
  await tried(desk, 'refundPayment', input, 'REFUND_EXCEEDS_PAYMENT', () => undefined);
}

async function requestBack(desk: YearDesk, given: Given): Promise<void> {
  const { card, bill, payment, amount, now } = given;
  const input = { paymentId: await paymentId(desk, given), amount: shown(amount), reason: REASON };
  await tried(desk, 'refundPayment', input, undefined, () =>
    desk.year.till.refunds.request(now, card, bill, payment, amount),
  );
}

/** The processor is asked from here, as soon as that is told of. */
async function askedFor(desk: YearDesk, given: Given): Promise<void> {
  await requestBack(desk, given);
  await desk.work(true);
}

/** A processor tells of one refund by itself, and of all of a payment together: of both here, whichever comes first. */
function tellings(desk: YearDesk, { card, bill }: Paying): () => Promise<Signed[]> {
  return async () => {
    const invoiceId = await invoiceOf(desk, card, bill);
    const [payment] = desk.bank.stripe.taken(invoiceId);
    if (payment === undefined) throw new Error(`the bank has taken nothing for ${card.name}`);
    const { id, currency, amount } = payment;
    const back = desk.bank.wentBack(payment);
    const sum = back.reduce((total, each) => total + each.amount, 0);
    const last = back.at(-1);
    if (last === undefined) return [];
    const all = charge(id, { amount, amount_captured: amount, currency, amount_refunded: sum });
    const events = [
      { type: 'charge.refunded', object: all },
      { type: 'refund.created', object: refundObject(last.id, id, last.amount, { currency }) },
    ];
    if (desk.random.chance(0.5)) events.reverse();
    const at = Math.floor(desk.bank.stripe.now / 1000);
    return events.map(({ type, object }) =>
      signedByStripe(desk.server(), stripeEvent(type, object, undefined, at)),
    );
  };
}

/** Somebody gives it back at the processor's own page, and may write that down here before it is told of. */
async function atThePage(desk: YearDesk, given: Given): Promise<void> {
  const { card, bill, payment, amount, now } = given;
  const units = unitsOf(bill.offer, amount);
  const [taken] = desk.bank.stripe.taken(await invoiceOf(desk, card, bill));
  if (units === undefined || taken === undefined) return;
  const refund = desk.bank.giveBack(taken, Number(units));
  desk.year.till.refunds.given(now, card, bill, amount);
  if (desk.random.chance(0.3)) await byHand(desk, given, desk.random.chance(0.5) ? refund.id : undefined);
  else desk.year.till.refunds.goBack(now, card, bill, payment, amount);
  for (const signed of await tellings(desk, given)()) await told(desk, 'stripe', signed);
}

async function byRobot(desk: YearDesk, given: Given): Promise<void> {
  const { card, bill, payment, amount, now } = given;
  const invoiceId = await invoiceOf(desk, card, bill);
  const { currency } = bill.price;
  const names = { reference: randomUUID(), paymentReference: payment.reference };
  const data = { invoiceId, amount: shown(amount), currency, ...names };
  desk.year.till.refunds.goBack(now, card, bill, payment, amount);
  const event = { type: 'payment.refunded', timestamp: desk.server().now, data };
  await told(desk, 'billing', signedByStandard(desk.server(), event));
}

function wayOf(desk: YearDesk, { by }: Paid): (desk: YearDesk, given: Given) => Promise<void> {
  const { random } = desk;
  if (random.chance(0.1)) return tooMuch;
  if (by === 'STRIPE') return random.chance(0.7) ? askedFor : atThePage;
  return by === 'BILLING' && random.chance(0.5) ? byRobot : (_, given) => byHand(desk, given, randomUUID());
}

/** All that is left of a payment, or the half of it in whole coins. */
const giveBack: Act = {
  weight: 8,
  prefers: (card) => refundable(card).length > 0 && !isGivingBack(card),
  run: async (desk, card, now) => {
    const found = refundable(card);
    if (found.length === 0 || isGivingBack(card)) return;
    const charged = found.filter(isCharged);
    const paying = desk.random.pick(charged.length > 0 && desk.random.chance(0.7) ? charged : found);
    const left = leftOf(paying.bill, paying.payment);
    const coin = 10n ** BigInt(4 - paying.bill.offer.digits);
    const amount = desk.random.chance(0.3) && left >= 2n * coin ? (left / (2n * coin)) * coin : left;
    await wayOf(desk, paying.payment)(desk, { ...paying, amount, now });
  },
};

/** Its end is near, and what is paid next is charged for at the very instant at which what was paid before is to go back. */
const giveBackMeanwhile: Act = {
  weight: 12,
  prefers: (card, now) => isRenewing(card, now) && !isGivingBack(card) && refundable(card).some(isCharged),
  run: async (desk, card, now) => {
    const paying = refundable(card).findLast(isCharged);
    const { holder } = card;
    if (paying === undefined || isGivingBack(card) || holder === undefined || !isRenewing(card, now)) return;
    const expiresAt = now + HOUR + desk.random.below(3 * DAY - HOUR);
    const input = { licenseId: card.id, expiryDate: instant(expiresAt) };
    await tried(desk, 'updateLicense', input, undefined, () => dated(card, expiresAt, now));
    const wallet = desk.random.chance(0.5) ? 'works' : desk.random.pick(wallets);
    await tried(desk, 'setPaymentMethod', paymentMethod(holder.id, wallet), undefined, () => {
      holder.wallet = wallet;
      desk.year.till.chargeWhatWaits(holder, now);
    });
    const { bill, payment } = paying;
    await requestBack(desk, { ...paying, amount: leftOf(bill, payment), now });
    await desk.renew();
    await desk.work(true);
  },
};

/** What went back is told of once more, long after everybody knows it, or before anybody does who has asked for it. */
const tellAgain: Act = {
  weight: 1,
  prefers: ({ bills }) => bills.some(({ heardBack }) => heardBack > 0),
  run: async (desk, card) => {
    const bill = card.bills.find(({ heardBack }) => heardBack > 0);
    const payment = bill?.payments.find(({ by }) => by === 'STRIPE');
    if (bill === undefined || payment === undefined) return;
    desk.bank.settle();
    for (const signed of await tellings(desk, { card, bill, payment })()) await told(desk, 'stripe', signed);
  },
};

export const refundActs: readonly Act[] = [giveBack, giveBackMeanwhile, tellAgain];
