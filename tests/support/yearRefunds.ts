/** What goes back of what was paid for licenses, and what that takes from them: nothing of the product stands in here. */
import { type Card, DAY, HOUR, monthsLater, written } from './yearCards.js';
import {
  type Bill,
  type Desk,
  type Given,
  keptOf,
  type Paid,
  patience,
  type Refund,
  standingOf,
  type Weather,
} from './yearLedger.js';
import { shown, unitsOf } from './yearPrices.js';
import { BUSY_SECONDS, SLOW_MILLIS, stepOf } from './yearWallets.js';

/** Of a payment no more goes back than is left of it, and of its bill. */
export function leftOf(bill: Bill, { amount, back }: Paid): bigint {
  const kept = keptOf(bill);
  return amount - back < kept ? amount - back : kept;
}

/** As it was before, if nothing was changed since; or else so many months earlier than it is. */
function takenBack(now: number | undefined, [from, to]: Given['ends'], months: number): number | undefined {
  if (now === undefined || from === to) return now;
  return now === to ? from : monthsLater(now, -months);
}

export class Refunds {
  constructor(
    readonly desk: Desk,
    /** What the bank has on record, with the second. */
    readonly banked: string[],
  ) {}

  /** Money went back. Who has all of it back has paid for nothing. */
  goBack(at: number, card: Card, bill: Bill, payment: Paid, amount: bigint): void {
    payment.back += amount;
    const isAll = standingOf(bill) === 'REFUNDED';
    this.desk.tell(at, card, `bill paid back ${isAll ? '' : 'in part '}${shown(amount)} by ${payment.by}`);
    if (isAll) this.#takeBack(at, card, bill);
  }

  #takeBack(at: number, card: Card, bill: Bill): void {
    if (bill.status !== 'RENEWED' && bill.status !== 'UNSETTLED') return;
    bill.status = 'REFUNDED';
    const { given, months } = bill;
    if (given === undefined || card.revoked) return;
    card.expiresAt = takenBack(card.expiresAt, given.ends, months);
    card.maintainedUntil = takenBack(card.maintainedUntil, given.maintained, months);
    this.desk.tell(at, card, `taken back to ${written(card.expiresAt)}, ${written(card.maintainedUntil)}`);
  }

  /** The processor is to give it back. */
  request(at: number, card: Card, bill: Bill, payment: Paid, amount: bigint): void {
    this.desk.tell(at, card, `refund asked for: ${shown(amount)} by STRIPE`);
    bill.refund = { payment, amount, asks: 0, askAt: at, failsUntil: 0, reached: undefined };
  }

  /** Somebody asks for it: what was asked before is looked for first. */
  ask(at: number, card: Card, bill: Bill, weather: Weather): void {
    const { refund } = bill;
    if (refund === undefined || refund.askAt > at) return;
    refund.asks += 1;
    const wait = this.#asked(at, card, bill, refund, weather);
    const left = wait === undefined ? weather.leftUntil(card, bill, 'REFUND') : undefined;
    if (wait === 'PENDING') refund.askAt = at + HOUR;
    else if (wait !== undefined)
      refund.askAt = at + (wait > patience(refund.asks) ? wait : patience(refund.asks));
    else if (left !== undefined) refund.askAt = left;
    else this.#answered(at, card, bill, refund);
  }

  #answered(at: number, card: Card, bill: Bill, { payment, amount, reached }: Refund): void {
    bill.refund = undefined;
    if (reached?.isBack === true) this.goBack(at, card, bill, payment, amount);
    else this.desk.tell(at, card, `refund failed: ${shown(amount)} by STRIPE`);
  }

  /** For how long it has to be waited for; undefined where it is known what became of it. */
  #asked(
    at: number,
    card: Card,
    bill: Bill,
    refund: Refund,
    { isDown }: Weather,
  ): number | 'PENDING' | undefined {
    const isPayable = unitsOf(bill.offer, refund.amount) !== undefined;
    if (refund.asks === 1 && !isPayable) return undefined;
    if (isDown) return 0;
    if (refund.reached === undefined && isPayable) {
      const wait = this.#send(at, card, bill, refund);
      if (wait !== undefined) return wait;
    }
    return (refund.reached?.knownAt ?? at) > at ? 'PENDING' : undefined;
  }

  /** What the bank makes of it, by the script of what was paid with. */
  #send(at: number, card: Card, bill: Bill, refund: Refund): number | undefined {
    const { wallet } = refund.payment;
    if (wallet === undefined) throw new Error(`the processor was never paid for ${card.name}`);
    if (at < refund.failsUntil) return 0;
    const step = stepOf(wallet, bill.heardBack);
    bill.heardBack += 1;
    if (step === 'BUSY') return BUSY_SECONDS * 1000;
    if (step === 'FAIL') refund.failsUntil = at + DAY;
    if (step === 'CUT' || step === 'FAIL') return 0;
    const isSlow = step === 'SLOW' || step === 'BOUNCE';
    const isBack = step.startsWith('TAKE') || step === 'SLOW';
    refund.reached = { isBack, knownAt: isSlow ? at + SLOW_MILLIS : at };
    if (!step.startsWith('declined')) this.given(at, card, bill, refund.amount, isBack);
    return step.startsWith('TAKE_') ? 0 : undefined;
  }

  /** The bank gives it back, or says later that it could not. */
  given(at: number, card: Card, bill: Bill, amount: bigint, isBack = true): void {
    const units = unitsOf(bill.offer, amount);
    const currency = bill.price.currency.toLowerCase();
    const status = isBack ? 'succeeded' : 'failed';
    this.banked.push(`${written(at - (at % 1000))} ${card.name} back ${units} ${currency} ${status}`);
  }
}
