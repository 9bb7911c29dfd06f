/**
 * What is to be paid for licenses that go on, and what becomes of it, in words of its own: nothing of the product stands in
 * here.
 */
import {
  type Card,
  DAY,
  dated,
  graceEnds,
  HOUR,
  type Holder,
  monthsLater,
  reads,
  wall,
  written,
} from './yearCards.js';
import {
  type Bill,
  type Charge,
  type Desk,
  dueOf,
  isUnderWay,
  isVoid,
  keptOf,
  openBill,
  type Payer,
  patience,
  type Reached,
  standingOf,
  type Weather,
} from './yearLedger.js';
import { type Offer, priceFor, shown, termOf, unitsOf } from './yearPrices.js';
import { Refunds } from './yearRefunds.js';
import { BUSY_SECONDS, SLOW_MILLIS, stepOf } from './yearWallets.js';

const BILLED_BEFORE = 3 * DAY;
/** After so long in grace nobody renews what was missed. */
const BILLED_UNTIL = 30 * DAY;
const DUNNED = [1, 3, 5];
const ATTEMPTS = 4;
/** Whoever asked for a bill pays it so long before the end, or a license that renews itself does so. */
const HANDED_OVER = DAY;

/** Money lies on a bill for which nothing is given. */
const OWED_BACK = ['NOT_RENEWABLE', 'TRANSFERRED', 'OVERTAKEN'];

const reasons: Readonly<Record<string, string>> = {
  insufficient_funds: 'INSUFFICIENT_FUNDS',
  expired_card: 'CARD_EXPIRED',
  authentication_required: 'AUTHENTICATION_REQUIRED',
};

/** Of what was paid in part and went back nothing is charged: somebody has wanted it so. */
const isOwed = (bill: Bill): boolean =>
  bill.status === 'OPEN' && dueOf(bill) > 0n && standingOf(bill) !== 'REFUNDED';

const isHolders = ({ holder }: Card, bill: Bill): boolean => bill.holder === holder;

/** The end is near, and what renews itself can be charged for. */
function isHandedOver(card: Card, now: number): boolean {
  const { expiresAt, holder, renewsItself, begun } = card;
  if (!renewsItself || expiresAt === undefined || holder?.wallet === undefined || holder.isOff) return false;
  if (begun.has(expiresAt)) return false;
  const isRunning = ['ACTIVE', 'EXPIRED'].includes(reads(card, now)) && !card.switchedOff;
  return isRunning && !card.isTrial && expiresAt <= now + HANDED_OVER;
}

/** Something else became of the license, or it renews itself since nobody has paid what was asked for. */
function overtakenBy(card: Card, bill: Bill, now: number): 'CHANGE' | 'HAND_OVER' | undefined {
  const { isByHand, from, offer, holder } = bill;
  const isOther = card.expiresAt !== from || card.offer !== offer || card.holder !== holder;
  if (isOther || card.revoked) return 'CHANGE';
  if (isByHand) return isHandedOver(card, now) ? 'HAND_OVER' : undefined;
  return !card.renewsItself || card.switchedOff || card.heldBack || holder.isOff ? 'CHANGE' : undefined;
}

const isOvertaken = (card: Card, bill: Bill, now: number): boolean =>
  overtakenBy(card, bill, now) !== undefined;

/** So many months more: behind the end that it has or is honoured past, or else from now. */
export function goOn(card: Card, months: number, extendsMaintenance: boolean, now: number): string {
  const [before, status] = [card.expiresAt, reads(card, now)];
  const isEndless = before === undefined;
  const isHonoured = ['ACTIVE', 'INACTIVE', 'EXPIRED'].includes(status);
  if (!isEndless) dated(card, monthsLater(isHonoured ? before : now, months), now);
  if (isEndless || (extendsMaintenance && card.maintainedUntil !== undefined))
    card.maintainedUntil = monthsLater(Math.max(card.maintainedUntil ?? now, now), months);
  if (status !== 'INACTIVE') card.switchedOff = false;
  return `${written(before)} to ${written(card.expiresAt)}`;
}

/** When what goes back of a license does so: before anybody has looked at its bill, before its money came, or after that. */
function refundsTurn(now: number, card: Card, weather: Weather): 'FIRST' | 'BETWEEN' | 'LAST' | undefined {
  const bill = card.bills.findLast(({ charge }) => charge !== undefined && charge.askAt <= now);
  const isGoingBack = card.bills.some(({ refund }) => refund !== undefined && refund.askAt <= now);
  if (bill === undefined || !isGoingBack) return undefined;
  if (bill.charge?.reached === undefined && !weather.wasAsked(card, bill)) return 'FIRST';
  const ends = weather.renewedFrom(card);
  return ends.length === 0 || ends.includes(written(card.expiresAt)) ? 'LAST' : 'BETWEEN';
}

export class Till {
  /** What the bank has on record, with the second. */
  readonly banked: string[] = [];
  readonly numbers: string[] = [];
  /** How often money was asked for and was to go back of one license at one instant. */
  meetings = 0;
  readonly refunds: Refunds;
  readonly #numbered = new Map<number, number>();

  constructor(
    readonly desk: Desk,
    readonly cards: readonly Card[],
  ) {
    this.refunds = new Refunds(desk, this.banked);
  }

  #failed(at: number, card: Card, bill: Bill | undefined, reason: string, tries: string): void {
    this.desk.tell(at, card, `not renewed: ${reason} ${tries}`);
    // Money that is to go back is the vendor's business, and a bill is nobody's who holds the license since.
    const isOwedBack = OWED_BACK.includes(reason);
    const isStill = (): boolean => bill === undefined || standingOf(bill) !== 'PAID' || isOwedBack;
    const isToHolder = (): boolean => bill === undefined || (isHolders(card, bill) && !isOwedBack);
    this.desk.mailNext(card, 'RENEWAL_FAILED', { isToHolder, isStill, isToStaff: true });
  }

  #renewed(at: number, card: Card, by: 'CHARGE' | 'HAND', { months, extendsMaintenance }: Terms): void {
    this.desk.tell(at, card, `renewed by ${by} ${goOn(card, months, extendsMaintenance, at)}`);
    const { holder } = card;
    const isStill = (): boolean => card.holder === holder;
    if (by === 'CHARGE') this.desk.mailNext(card, 'LICENSE_RENEWED', { isStill });
  }

  /** A bill for so many months; the numbers of a year follow one upon the other. */
  bill(at: number, card: Card, { months, isByHand, extendsMaintenance = false }: Wish): Bill {
    const { offer, holder, expiresAt: from } = card;
    if (offer === undefined || holder === undefined) throw new Error(`nobody can be billed for ${card.name}`);
    const { house } = this.desk;
    const price = priceFor(offer, months, house.taxes);
    const year = new Date(wall(house.timeZone, at)).getUTCFullYear();
    const number = (this.#numbered.get(year) ?? 0) + 1;
    this.#numbered.set(year, number);
    this.numbers.push(`${written(at)} INV-${year}-${String(number).padStart(6, '0')}`);
    const lastDay = (from ?? 0) - (isByHand && card.renewsItself ? HANDED_OVER : 0);
    const due = written(Math.max(lastDay, at));
    const { lines, currency, tax, total } = price;
    const sums = `${shown(total)} ${currency} with ${shown(tax)} of tax`;
    this.desk.tell(at, card, `billed ${lines.join(', ')}: ${sums}, to ${holder.id} until ${due}`);
    const bill: Bill = {
      ...{ isByHand, from, offer, holder, months, extendsMaintenance, price, status: 'OPEN' },
      ...{ payments: [], isWhole: false, given: undefined, refund: undefined },
      ...{ attempts: 0, firstFailedAt: undefined, nextAt: undefined },
      ...{ charge: undefined, heard: 0, heardBack: 0 },
    };
    card.bills.push(bill);
    return bill;
  }

  /** A part that was paid is the payer's. */
  #cancel(at: number, card: Card, bill: Bill): void {
    const hasCredit = keptOf(bill) > 0n;
    this.#void(at, card, bill, 'CANCELLED');
    if (!bill.isByHand && bill.from !== undefined) card.begun.delete(bill.from);
    const { attempts } = bill;
    if (hasCredit) this.#failed(at, card, bill, 'OVERTAKEN', `${attempts}/${attempts}, next never`);
  }

  #void(at: number, card: Card, bill: Bill, status: 'CANCELLED' | 'VOIDED'): void {
    bill.nextAt = undefined;
    bill.status = status;
    this.desk.tell(at, card, 'bill voided');
  }

  /** Who has paid a part of what he asked for is not charged for all of it: that the rest is missing is told once. */
  #review(at: number, card: Card, bill: Bill): void {
    if (bill.status !== 'OPEN' || isUnderWay(bill)) return;
    const by = overtakenBy(card, bill, at);
    if (by === 'HAND_OVER' && keptOf(bill) > 0n) {
      if (bill.firstFailedAt === undefined) this.#failed(at, card, bill, 'PAID_IN_PART', '0/0, next never');
      bill.firstFailedAt ??= at;
    } else if (by !== undefined) this.#cancel(at, card, bill);
    else if (standingOf(bill) === 'REFUNDED') this.#void(at, card, bill, 'VOIDED');
  }

  #begin(at: number, card: Card): void {
    const { expiresAt, isTrial, holder, offer, begun } = card;
    if (expiresAt === undefined || isTrial || !holder || !card.renewsItself || openBill(card)) return;
    if (card.revoked || card.heldBack || card.waits || card.switchedOff || holder.isOff) return;
    if (begun.has(expiresAt)) return;
    const isOver = at >= expiresAt && at >= (graceEnds(card) ?? expiresAt);
    if (isOver || expiresAt > at + BILLED_BEFORE || expiresAt < at - BILLED_UNTIL) return;
    begun.add(expiresAt);
    if (offer === undefined) this.#failed(at, card, undefined, 'NO_PRICE', '0/0, next never');
    else this.#next(at, card, offer, holder);
  }

  #next(at: number, card: Card, offer: Offer, { wallet }: Holder): void {
    const months = termOf(offer);
    const isFree = priceFor(offer, months, this.desk.house.taxes).total === 0n;
    const bill = isFree ? undefined : this.bill(at, card, { months, isByHand: false });
    if (bill === undefined) this.#renewed(at, card, 'CHARGE', { months, extendsMaintenance: false });
    else if (wallet !== undefined) bill.nextAt = at;
    else this.#failed(at, card, bill, 'NO_PAYMENT_METHOD', '0/0, next never');
  }

  #attempt(at: number, card: Card, bill: Bill): void {
    if (bill.nextAt === undefined || bill.nextAt > at) return;
    bill.nextAt = undefined;
    if (!isOwed(bill) || isUnderWay(bill)) return;
    if (isOvertaken(card, bill, at)) this.#cancel(at, card, bill);
    else this.#charge(at, card, bill);
  }

  #charge(at: number, card: Card, bill: Bill): void {
    const { wallet } = bill.holder;
    const { attempts } = bill;
    if (wallet === undefined) {
      this.#failed(at, card, bill, 'NO_PAYMENT_METHOD', `${attempts}/${attempts}, next never`);
      return;
    }
    bill.attempts += 1;
    bill.charge = { wallet, amount: dueOf(bill), asks: 0, askAt: at, failsUntil: 0, reached: undefined };
  }

  /** What the bank makes of it, and for how long nobody should ask again; undefined where its answer arrives. */
  #send(at: number, card: Card, bill: Bill, charge: Charge): number | undefined {
    if (at < charge.failsUntil) return 0;
    const step = stepOf(charge.wallet, bill.heard);
    bill.heard += 1;
    if (step === 'BUSY') return BUSY_SECONDS * 1000;
    if (step === 'FAIL') charge.failsUntil = at + DAY;
    if (step === 'CUT' || step === 'FAIL') return 0;
    const decline = step === 'BOUNCE' ? 'insufficient_funds' : step.replace(/^declined /, '');
    const isTaken = step.startsWith('TAKE') || step === 'SLOW';
    const isSlow = step === 'SLOW' || step === 'BOUNCE';
    const knownAt = isSlow ? at + SLOW_MILLIS : at;
    const status = isTaken ? 'succeeded' : 'requires_payment_method';
    charge.reached = { status, decline, knownAt, isTold: false };
    const units = unitsOf(bill.offer, charge.amount);
    const second = written(at - (at % 1000));
    this.banked.push(`${second} ${card.name} ${units} ${bill.price.currency.toLowerCase()} ${status}`);
    return step.startsWith('TAKE_') ? 0 : undefined;
  }

  /** Somebody asks for the money: what was asked before is looked for first. */
  #ask(at: number, card: Card, bill: Bill, weather: Weather, meanwhile?: () => void): void {
    const { charge } = bill;
    if (charge === undefined || charge.askAt > at) return;
    charge.asks += 1;
    const wait = this.#asked(at, card, bill, charge, weather);
    meanwhile?.();
    if (wait === 'PENDING') charge.askAt = at + HOUR;
    else if (wait !== undefined) charge.askAt = at + Math.max(patience(charge.asks), wait);
    else charge.askAt = weather.leftUntil(card, bill, 'CHARGE') ?? this.#answered(at, card, bill, charge);
  }

  /** For how long it has to be waited for; undefined where it is known what became of it. */
  #asked(
    at: number,
    card: Card,
    bill: Bill,
    charge: Charge,
    { isDown }: Weather,
  ): number | 'PENDING' | undefined {
    const isFirst = charge.asks === 1;
    if (!isFirst && isDown) return 0;
    if (!isFirst && charge.reached !== undefined) return charge.reached.knownAt > at ? 'PENDING' : undefined;
    if (!isOwed(bill) || isOvertaken(card, bill, at)) return undefined;
    if (unitsOf(bill.offer, charge.amount) === undefined) return undefined;
    if (isDown) return 0;
    const wait = this.#send(at, card, bill, charge);
    if (wait !== undefined) return wait;
    return charge.reached !== undefined && charge.reached.knownAt > at ? 'PENDING' : undefined;
  }

  /** When it is asked for again: never. */
  #answered(at: number, card: Card, bill: Bill, charge: Charge): number {
    const { reached } = charge;
    charge.askAt = Number.POSITIVE_INFINITY;
    if (reached?.status !== 'succeeded') this.#refused(at, card, bill, reached);
    else if (!reached.isTold) this.pay(at, card, bill, charge.amount, 'STRIPE');
    return charge.askAt;
  }

  #refused(at: number, card: Card, bill: Bill, reached: Reached | undefined): void {
    const isWanted = isOwed(bill);
    bill.charge = undefined;
    if (reached !== undefined) this.#declined(at, card, bill, reached.decline);
    else if (isWanted && isOvertaken(card, bill, at)) this.#cancel(at, card, bill);
    else if (isWanted) this.#declined(at, card, bill, 'not payable');
  }

  #declined(at: number, card: Card, bill: Bill, decline: string): void {
    const asked = dueOf(bill) === 0n ? bill.price.total : dueOf(bill);
    this.desk.tell(at, card, `payment failed ${shown(asked)} by STRIPE`);
    if (bill.status !== 'OPEN') return;
    bill.firstFailedAt ??= at;
    const days = DUNNED[bill.attempts - 1];
    bill.nextAt = days === undefined ? undefined : bill.firstFailedAt + days * DAY;
    const tries = `${bill.attempts}/${ATTEMPTS}, next ${written(bill.nextAt)}`;
    this.#failed(at, card, bill, reasons[decline] ?? 'CARD_DECLINED', tries);
  }

  /** Money came, whoever sent it: what it pays for is given, or somebody is told that it cannot be. */
  pay(at: number, card: Card, bill: Bill, amount: bigint, by: Payer, reference?: string): void {
    const wasPaid = standingOf(bill) === 'PAID' || isVoid(bill);
    const wallet = by === 'STRIPE' ? bill.charge?.wallet : undefined;
    bill.payments.push({ by, amount, reference, wallet, back: 0n });
    bill.isWhole ||= keptOf(bill) >= bill.price.total;
    const what = wasPaid ? 'overpaid' : bill.isWhole ? 'paid' : 'paid in part';
    this.desk.tell(at, card, `bill ${what} ${shown(amount)} by ${by}`);
    if (what === 'paid' && bill.status === 'OPEN') this.#give(at, card, bill);
  }

  #give(at: number, card: Card, bill: Bill): void {
    bill.nextAt = undefined;
    const isMoved = card.holder !== bill.holder;
    const isGiven = !isMoved && !card.revoked && !card.heldBack && !card.waits;
    bill.status = isGiven ? 'RENEWED' : 'UNSETTLED';
    const { attempts, charge } = bill;
    const reason = isMoved ? 'TRANSFERRED' : 'NOT_RENEWABLE';
    if (!isGiven) this.#failed(at, card, bill, reason, `${attempts}/${attempts}, next never`);
    if (!isGiven) return;
    const [from, maintained] = [card.expiresAt, card.maintainedUntil];
    this.#renewed(at, card, charge === undefined ? 'HAND' : 'CHARGE', bill);
    bill.given = { ends: [from, card.expiresAt], maintained: [maintained, card.maintainedUntil] };
  }

  /** Who pays with something else from now on is charged by it for what waits, unless that was given up. */
  chargeWhatWaits(holder: Holder, now: number): void {
    for (const bill of this.cards.flatMap(({ bills }) => bills)) {
      const isOpen = bill.holder === holder && bill.status === 'OPEN' && !bill.isByHand;
      if (isOpen && bill.attempts < ATTEMPTS) bill.nextAt ??= now;
    }
  }

  #each(act: (card: Card, bill: Bill) => void): void {
    for (const card of this.cards) for (const bill of card.bills) act(card, bill);
  }

  /** Somebody looks after what is due. */
  look(now: number, weather: Weather): void {
    this.#each((card, bill) => this.#review(now, card, bill));
    for (const card of this.cards) this.#begin(now, card);
    this.#each((card, bill) => this.#attempt(now, card, bill));
    this.ask(now, weather);
  }

  /** Somebody asks for what is to come, and for what is to go back: of one license at once, in whichever order. */
  ask(now: number, weather: Weather): void {
    for (const card of this.cards) {
      const payBack = (): void => {
        for (const bill of card.bills) this.refunds.ask(now, card, bill, weather);
      };
      const turn = refundsTurn(now, card, weather);
      if (turn !== undefined) this.meetings += 1;
      if (turn === 'FIRST') payBack();
      for (const bill of card.bills)
        this.#ask(now, card, bill, weather, turn === 'BETWEEN' ? payBack : undefined);
      if (turn === undefined || turn === 'LAST') payBack();
    }
  }
}

type Terms = Pick<Bill, 'months' | 'extendsMaintenance'>;

interface Wish {
  readonly months: number;
  readonly isByHand: boolean;
  readonly extendsMaintenance?: boolean;
}
