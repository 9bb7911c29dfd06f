import { randomUUID } from 'node:crypto';
import { intent, signedByStandard, signedByStripe, stripeEvent } from './inbound.js';
import type { Random } from './random.js';
import type { Card } from './yearCards.js';
import { type Act, invoiceOf, told, tried, type YearDesk } from './yearDesk.js';
import { type Bill, dueOf, isUnderWay, openBill, paidOf } from './yearLedger.js';
import { type Offer, priceFor, shown, type Tax } from './yearPrices.js';
import { wallets } from './yearWallets.js';
import { paymentMethod } from './yearWorld.js';

/** A half of it in whole coins, or all of it. */
function someOf({ offer }: Bill, due: bigint, random: Random): bigint {
  const coin = 10n ** BigInt(4 - offer.digits);
  return random.chance(0.2) && due >= 2n * coin ? (due / (2n * coin)) * coin : due;
}

/** The vendor's people write down what came, or a bank's robot tells of it. */
const pay: Act = {
  weight: 9,
  prefers: (card) => openBill(card) !== undefined,
  run: async (desk, card, now) => {
    const bill = openBill(card);
    if (bill === undefined || dueOf(bill) === 0n) return;
    const invoiceId = await invoiceOf(desk, card, bill);
    const amount = someOf(bill, dueOf(bill), desk.random);
    if (desk.random.chance(0.5)) {
      const reference = randomUUID();
      const input = { invoiceId, amount: shown(amount), reference };
      await tried(desk, 'recordPayment', input, undefined, () =>
        desk.year.till.pay(now, card, bill, amount, 'MANUAL', reference),
      );
      return;
    }
    await transfer(desk, card, bill, amount, now);
  },
};

async function transfer(desk: YearDesk, card: Card, bill: Bill, amount: bigint, now: number): Promise<void> {
  const invoiceId = await invoiceOf(desk, card, bill);
  const { currency } = bill.price;
  const reference = randomUUID();
  const data = { invoiceId, amount: shown(amount), currency, reference };
  desk.year.till.pay(now, card, bill, amount, 'BILLING', reference);
  const event = { type: 'payment.succeeded', timestamp: desk.server().now, data };
  await told(desk, 'billing', signedByStandard(desk.server(), event));
}

/** Money for what was voided long ago: it is the payer's. */
const payLate: Act = {
  weight: 1,
  prefers: ({ bills }) => bills.some(({ status }) => status === 'CANCELLED'),
  run: async (desk, card, now) => {
    const bill = card.bills.find((each) => each.status === 'CANCELLED' && paidOf(each) === 0n);
    if (bill !== undefined) await transfer(desk, card, bill, bill.price.total, now);
  },
};

const isKnown = ({ charge }: Bill, now: number): boolean =>
  charge?.reached?.status === 'succeeded' && charge.reached.knownAt <= now;

/** The processor tells of what it took, before or after somebody has asked it. */
const hook: Act = {
  weight: 5,
  prefers: ({ bills }, now) => bills.some((bill) => isUnderWay(bill) && isKnown(bill, now)),
  run: async (desk, card, now) => {
    const bill = card.bills.findLast((each) => isKnown(each, now));
    const charge = bill?.charge;
    if (bill === undefined || charge?.reached === undefined) return;
    const invoiceId = await invoiceOf(desk, card, bill);
    desk.bank.settle();
    const [payment] = desk.bank.stripe.taken(invoiceId);
    if (payment === undefined) throw new Error(`the bank has taken nothing for ${card.name}`);
    const { id, amount, currency } = payment;
    const object = intent(id, invoiceId, { amount, amount_received: amount, currency });
    if (isUnderWay(bill) && !charge.reached.isTold)
      desk.year.till.pay(now, card, bill, charge.amount, 'STRIPE');
    charge.reached.isTold = true;
    const succeeded = Math.floor(charge.reached.knownAt / 1000);
    const event = stripeEvent('payment_intent.succeeded', object, undefined, succeeded);
    await told(desk, 'stripe', signedByStripe(desk.server(), event));
  },
};

function refusalOf(
  card: Card,
  _now: number,
  months: number,
  extendMaintenance: boolean,
  taxes: readonly Tax[],
) {
  const isClosed = card.isTrial || card.revoked || card.heldBack || card.waits || card.holder === undefined;
  if (isClosed) return 'LICENSE_NOT_RENEWABLE';
  const open = openBill(card);
  const isSame = open?.months === months && open.extendsMaintenance === extendMaintenance;
  if (open !== undefined) return isSame && open.from === card.expiresAt ? undefined : 'RENEWAL_OPEN';
  if (card.holder?.isOff) return 'CUSTOMER_INACTIVE';
  const isFree = card.offer === undefined || priceFor(card.offer, months, taxes).total === 0n;
  return isFree ? 'LICENSE_NOT_RENEWABLE' : undefined;
}

/** Somebody wants an invoice to go on by; whoever wants the same again has it already. */
const request: Act = {
  weight: 4,
  prefers: ({ offer }) => offer !== undefined,
  run: async (desk, card, now) => {
    const [durationMonths, extendMaintenance] = [1 + desk.random.below(14), desk.random.chance(0.3)];
    const { year } = desk;
    const refusal = refusalOf(card, now, durationMonths, extendMaintenance, year.house.taxes);
    const input = { licenseId: card.id, durationMonths, extendMaintenance };
    await tried(desk, 'requestRenewal', input, refusal, () => {
      const wish = { months: durationMonths, isByHand: true, extendsMaintenance: extendMaintenance };
      if (openBill(card) === undefined) year.till.bill(now, card, wish);
    });
  },
};

export const flipRenewal: Act = {
  weight: 2,
  prefers: ({ renewsItself }) => !renewsItself,
  run: async (desk, card) => {
    const autoRenewal = !card.renewsItself;
    const refusal = card.revoked ? 'LICENSE_REVOKED' : undefined;
    await tried(desk, 'updateLicense', { licenseId: card.id, autoRenewal }, refusal, () => {
      card.renewsItself = autoRenewal;
    });
  },
};

/** Another way to pay, or none any more. */
const changeCard: Act = {
  weight: 3,
  prefers: (card) => openBill(card) !== undefined,
  run: async (desk, { holder }, now) => {
    if (holder === undefined) return;
    const wallet = desk.random.chance(0.25) ? undefined : desk.random.pick(wallets);
    const [act, input] =
      wallet === undefined
        ? ['removePaymentMethod', { customerId: holder.id }]
        : ['setPaymentMethod', paymentMethod(holder.id, wallet)];
    await tried(desk, act, input, undefined, () => {
      holder.wallet = wallet;
      if (wallet !== undefined) desk.year.till.chargeWhatWaits(holder, now);
    });
  },
};

/** Of so many coins at the most. */
function somePrice({ digits }: Offer, random: Random): string {
  const coin = 10n ** BigInt(4 - digits);
  return shown(BigInt(random.below(5) === 0 ? 0 : random.below(100_000)) * coin);
}

/** What is billed stays as it was; what comes next costs something else. */
const reprice: Act = {
  weight: 2,
  run: async (desk) => {
    const offer = desk.random.pick(desk.offers);
    const [base, seat] = [somePrice(offer, desk.random), desk.random.pick([offer.seat, '0'])];
    const { templateId, currency, cycle: billingCycle, discount } = offer;
    const volumeDiscounts = discount === undefined ? [] : [{ minQuantity: 1, discountPercentage: discount }];
    const pricing = { basePrice: base, perSeatPrice: seat, currency, billingCycle, volumeDiscounts };
    await tried(desk, 'updateTemplate', { templateId, pricing }, undefined, () => {
      offer.base = base;
      offer.seat = seat;
    });
  },
};

const taxes: readonly (readonly Tax[])[] = [
  [],
  [{ name: 'VAT', percentage: '20' }],
  [
    { name: 'GST', percentage: '5' },
    { name: 'QST', percentage: '9.975' },
  ],
  [{ name: 'VAT', percentage: '0' }],
];

const retax: Act = {
  weight: 0.7,
  run: async (desk) => {
    const wanted = desk.random.pick(taxes);
    await tried(desk, 'updateTenantSettings', { invoices: { taxes: wanted } }, undefined, () => {
      desk.year.house.taxes = wanted;
    });
  },
};

export const moneyActs: readonly Act[] = [
  pay,
  payLate,
  hook,
  request,
  flipRenewal,
  changeCard,
  reprice,
  retax,
];
