/**
 * A license as a person would keep it on a card, and what it reads at an instant: nothing of the product stands in here, so that
 * the two are compared and not one with itself. Instants are milliseconds since 1970.
 */
import type { Bill } from './yearLedger.js';
import type { Offer, Tax } from './yearPrices.js';
import type { Wallet } from './yearWallets.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface Holder {
  readonly id: string;
  readonly email: string | null;
  readonly language: string | null;
  /** People move. */
  timeZone: string | null;
  readonly wantsReminders: boolean;
  /** By what it is charged; undefined pays by hand. */
  wallet: Wallet | undefined;
  /** Switched off: it keeps what it has, and is neither sold nor billed anything. */
  isOff: boolean;
}

/** What holds where a holder says nothing. */
export interface House {
  readonly language: string;
  timeZone: string;
  /** The vendor's own people. */
  readonly staff: string;
  taxes: readonly Tax[];
}

interface Device {
  readonly id: string;
  endedAt: number | undefined;
  archivedAt: number | undefined;
}

export interface Terms {
  readonly name: string;
  readonly id: string;
  readonly licenseKey: string;
  readonly isTrial: boolean;
  readonly issuedAt: number;
  readonly graceDays: number;
  readonly trialDays: number;
  /** What it was sold as; of others nobody has said what they cost. */
  readonly offer: Offer | undefined;
}

/** One license as a person would keep it on a card. */
export interface Card extends Terms {
  holder: Holder | undefined;
  switchedOff: boolean;
  waits: boolean;
  heldBack: boolean;
  revoked: boolean;
  renewsItself: boolean;
  expiresAt: number | undefined;
  /** When that day was written on it over none, or over an earlier one. */
  putOffAt: number | undefined;
  maintainedUntil: number | undefined;
  /** The expiry that was told as passed, and the one whose grace was told as over. */
  toldExpired: number | undefined;
  toldOver: number | undefined;
  /** The nearest reminder that each expiry had. */
  readonly reminded: Map<number, number>;
  /** The expiries from which it was to renew itself, whether or not that came to something. */
  readonly begun: Set<number>;
  /** What was to be paid for it, the latest last. */
  readonly bills: Bill[];
  readonly devices: Device[];
}

export type Reading = 'PENDING' | 'ACTIVE' | 'INACTIVE' | 'EXPIRED' | 'SUSPENDED' | 'REVOKED';

/** Writes another last day on the card. */
export function dated(card: Card, expiresAt: number, now: number): void {
  if (card.expiresAt === undefined || card.expiresAt < expiresAt) card.putOffAt = now;
  card.expiresAt = expiresAt;
}

export const written = (at: number | undefined): string =>
  at === undefined ? 'never' : new Date(at).toISOString();

export function graceEnds(card: Card): number | undefined {
  if (card.expiresAt === undefined) return undefined;
  return card.switchedOff ? card.expiresAt : card.expiresAt + card.graceDays * DAY;
}

/** Whether neither people nor its own beginning keep time from passing over it. */
export const runs = ({ revoked, heldBack, waits }: Card): boolean => !revoked && !heldBack && !waits;

export function reads(card: Card, now: number): Reading {
  if (card.revoked) return 'REVOKED';
  if (card.heldBack) return 'SUSPENDED';
  if (card.waits) return 'PENDING';
  if (card.expiresAt === undefined || now < card.expiresAt) return card.switchedOff ? 'INACTIVE' : 'ACTIVE';
  return now < (graceEnds(card) ?? 0) ? 'EXPIRED' : 'SUSPENDED';
}

/** The same day of a later month, or the last one of a month that has no such day. */
export function monthsLater(at: number, months: number): number {
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + months];
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(date.getUTCDate(), lastDay)) + (at % DAY);
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a clock on a wall there shows, as if it were one in Greenwich. */
export function wall(zone: string, at: number): number {
  const clock =
    clocks.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  clocks.set(zone, clock);
  const part = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((at % 1000) + 1000) % 1000);
}

/** When a reminder falls due: at eight in the morning so many days before the day of the expiry, by the holder's wall. */
export function morningBefore(expiresAt: number, days: number, zone: string): number {
  const shown = wall(zone, expiresAt);
  const wanted = shown - (shown % DAY) - days * DAY + 8 * HOUR;
  const guess = wanted - (wall(zone, wanted) - wanted);
  return wanted - (wall(zone, guess) - guess);
}

/** How often the day changes on the holder's wall until then. */
export function dawnsUntil(at: number, now: number, zone: string): number {
  return Math.floor(wall(zone, at) / DAY) - Math.floor(wall(zone, now) / DAY);
}
