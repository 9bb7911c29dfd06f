/** What is to be paid, what was paid and what went back, as a person would keep it: nothing of the product stands in here. */
import { type Card, HOUR, type Holder, type House, MINUTE } from './yearCards.js';
import type { Offer, Price } from './yearPrices.js';
import type { Wallet } from './yearWallets.js';

/** What has reached the bank; that of a slow one is known later. */
export interface Reached {
  readonly status: 'succeeded' | 'requires_payment_method';
  readonly decline: string;
  readonly knownAt: number;
  /** Told by the processor itself, before anybody asked. */
  isTold: boolean;
}

export interface Charge {
  readonly wallet: Wallet;
  readonly amount: bigint;
  asks: number;
  askAt: number;
  /** Until then the processor says what it said: that it failed. */
  failsUntil: number;
  reached: Reached | undefined;
}

/** What came for a bill, and how much of it went back. */
export interface Paid {
  readonly by: Payer;
  readonly amount: bigint;
  /** What the bank or its robot calls it; what a card paid is found by its bill. */
  readonly reference: string | undefined;
  /** By what the processor was paid. */
  readonly wallet: Wallet | undefined;
  back: bigint;
}

export type Payer = 'MANUAL' | 'BILLING' | 'STRIPE';

/** Money that the processor is asked to give back. */
export interface Refund {
  readonly payment: Paid;
  readonly amount: bigint;
  asks: number;
  askAt: number;
  failsUntil: number;
  reached: (Pick<Reached, 'knownAt'> & { readonly isBack: boolean }) | undefined;
}

/** The ends that a license had before it went on, and after. */
export interface Given {
  readonly ends: readonly [from: number | undefined, to: number | undefined];
  readonly maintained: readonly [from: number | undefined, to: number | undefined];
}

export interface Bill {
  readonly isByHand: boolean;
  /** The end that it goes on from. */
  readonly from: number | undefined;
  readonly offer: Offer;
  readonly holder: Holder;
  readonly months: number;
  readonly extendsMaintenance: boolean;
  readonly price: Price;
  status: 'OPEN' | 'RENEWED' | 'CANCELLED' | 'VOIDED' | 'UNSETTLED' | 'REFUNDED';
  readonly payments: Paid[];
  /** Whether all of it was there at once, ever. */
  isWhole: boolean;
  given: Given | undefined;
  /** The one that is asked for and not answered. */
  refund: Refund | undefined;
  attempts: number;
  firstFailedAt: number | undefined;
  nextAt: number | undefined;
  /** The one that is under way, or that was paid. */
  charge: Charge | undefined;
  /** How often the bank has heard of it, and that it is to give money back. */
  heard: number;
  heardBack: number;
}

export interface Letter {
  /** Whether whoever holds the license is told, and whether the vendor's people are; the first alone unless it says so. */
  readonly isToHolder?: () => boolean;
  readonly isToStaff?: boolean;
  readonly isStill?: () => boolean;
}

/** Who writes down what is told, and sends mail of it as long as it is so. */
export interface Desk {
  readonly house: House;
  tell(at: number, card: Card, what: string): void;
  mailNext(card: Card, what: string, letter?: Letter): void;
}

/** What nobody can know who only knows the rules. */
export interface Weather {
  /** Whether the processor is away. */
  readonly isDown: boolean;
  /** Of what has died with a process, or could not be asked for: until when it is left alone. */
  readonly leftUntil: (card: Card, bill: Bill, what: 'CHARGE' | 'REFUND') => number | undefined;
  /** Whether the processor was asked for the money just now: who was overtaken by a refund asks for nothing. */
  readonly wasAsked: (card: Card, bill: Bill) => boolean;
  /** From which ends it was renewed just now: from that which it had, or from the one that a refund left. */
  readonly renewedFrom: (card: Card) => readonly string[];
}

export const openBill = ({ bills }: Card): Bill | undefined => bills.find(({ status }) => status === 'OPEN');
export const isUnderWay = ({ charge }: Bill): boolean =>
  charge !== undefined && charge.askAt < Number.POSITIVE_INFINITY;

const sumOf = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, each) => sum + each, 0n);

export const paidOf = ({ payments }: Bill): bigint => sumOf(payments.map(({ amount }) => amount));
export const backOf = ({ payments }: Bill): bigint => sumOf(payments.map(({ back }) => back));
export const keptOf = (bill: Bill): bigint => paidOf(bill) - backOf(bill);

export const isVoid = ({ status }: Bill): boolean => status === 'CANCELLED' || status === 'VOIDED';

/** What is still to be paid: of what was paid, or is asked of nobody any more, nothing. */
export function dueOf(bill: Bill): bigint {
  const { price, isWhole } = bill;
  const kept = keptOf(bill);
  return isWhole || isVoid(bill) || kept > price.total ? 0n : price.total - kept;
}

export type Standing = 'NOTHING' | 'PARTIAL' | 'PAID' | 'REFUNDED';

export function standingOf(bill: Bill): Standing {
  if (paidOf(bill) === 0n) return 'NOTHING';
  if (keptOf(bill) === 0n) return 'REFUNDED';
  return bill.isWhole ? 'PAID' : 'PARTIAL';
}

/** How long it is waited for before somebody asks again who has had no answer so often. */
export const patience = (asks: number): number => Math.min(HOUR, MINUTE * 2 ** Math.min(asks - 1, 10));
