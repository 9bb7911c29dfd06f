/**
 * What the clock does to licenses and whom it tells, in words of its own: nothing of the product stands in here, so that the
 * two are compared and not one with itself. Instants are milliseconds since 1970.
 */
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
}

/** What holds where a holder says nothing. */
export interface House {
  readonly language: string;
  timeZone: string;
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
  readonly renewsItself: boolean;
}

/** One license as a person would keep it on a card. */
export interface Card extends Terms {
  holder: Holder | undefined;
  switchedOff: boolean;
  waits: boolean;
  heldBack: boolean;
  revoked: boolean;
  expiresAt: number | undefined;
  /** When that day was written on it over none, or over an earlier one. */
  putOffAt: number | undefined;
  maintainedUntil: number | undefined;
  /** The expiry that was told as passed, and the one whose grace was told as over. */
  toldExpired: number | undefined;
  toldOver: number | undefined;
  /** The nearest reminder that each expiry had. */
  readonly reminded: Map<number, number>;
  /** The expiries from which it was to renew itself, and could not. */
  readonly unrenewed: Set<number>;
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

function graceEnds(card: Card): number | undefined {
  if (card.expiresAt === undefined) return undefined;
  return card.switchedOff ? card.expiresAt : card.expiresAt + card.graceDays * DAY;
}

/** Whether neither people nor its own beginning keep time from passing over it. */
const runs = ({ revoked, heldBack, waits }: Card): boolean => !revoked && !heldBack && !waits;

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
function wall(zone: string, at: number): number {
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
function dawnsUntil(at: number, now: number, zone: string): number {
  return Math.floor(wall(zone, at) / DAY) - Math.floor(wall(zone, now) / DAY);
}

const REMINDERS = [1, 7, 14, 30];
/** A morning that was over for less when somebody looked last may have become one only since then: by another clock, or day. */
const REMEMBERED = 36 * HOUR;
/** After a longer break nothing older is told. */
const LONGEST_BREAK = 31 * DAY;
const ARCHIVED_AFTER = 90 * DAY;
const RENEWED_BEFORE = 3 * DAY;
/** After so long in grace nobody renews what was missed. */
const RENEWED_UNTIL = 30 * DAY;
const RENEWAL_PERIOD = 10 * MINUTE;

/** Everything that has to be told, as lines: the instant, the license, what. */
export class Year {
  readonly cards: Card[] = [];
  readonly lines: string[] = [];
  /** What people did since the queue was last looked after, and who is told of it by mail. */
  readonly #mails: { readonly card: Card; readonly what: string }[] = [];
  #lookedThrough: number | undefined;
  #archivedThrough: number | undefined;
  #renewedThrough: number | undefined;

  constructor(readonly house: House) {}

  tell(at: number, { name }: Card, what: string): void {
    this.lines.push(`${written(at)} ${name} ${what}`);
  }

  /** A mail goes out once somebody looks after the queue. */
  mailNext(card: Card, what: string): void {
    this.#mails.push({ card, what });
  }

  #mail(at: number, card: Card, what: string): void {
    const { holder } = card;
    if (!holder?.email) return;
    const isKept = what.startsWith('LICENSE_EXPIRING') && !holder.wantsReminders;
    const reader = `${holder.language ?? this.house.language} ${holder.timeZone ?? this.house.timeZone}`;
    this.tell(at, card, `mail ${what} ${holder.email} ${reader} ${isKept ? 'SUPPRESSED' : 'SENT'}`);
  }

  zoneOf({ holder }: Card): string {
    return holder?.timeZone ?? this.house.timeZone;
  }

  #remind(card: Card, now: number, since: number, through: number): void {
    const { expiresAt } = card;
    if (!runs(card) || card.switchedOff || expiresAt === undefined || expiresAt <= now) return;
    for (const days of REMINDERS) {
      const morning = morningBefore(expiresAt, days, this.zoneOf(card));
      const isDue = morning <= through && since - morning < REMEMBERED;
      const isMissed = morning < Math.max(card.issuedAt, card.putOffAt ?? 0);
      if (!isDue || isMissed || (card.reminded.get(expiresAt) ?? Infinity) <= days) continue;
      card.reminded.set(expiresAt, days);
      this.tell(now, card, `reminded ${days} of ${written(expiresAt)}`);
      const left = Math.min(days, Math.max(1, dawnsUntil(expiresAt, now, this.zoneOf(card))));
      this.#mail(now, card, `LICENSE_EXPIRING ${left}`);
    }
  }

  #lapse(card: Card, now: number): void {
    const { expiresAt } = card;
    const over = graceEnds(card);
    if (!runs(card) || expiresAt === undefined || over === undefined) return;
    if (expiresAt <= now && card.toldExpired !== expiresAt) {
      card.toldExpired = expiresAt;
      this.tell(now, card, `expired of ${written(expiresAt)}`);
    }
    if (over <= now && card.toldOver !== expiresAt) {
      card.toldOver = expiresAt;
      const from = card.switchedOff ? 'INACTIVE' : 'EXPIRED';
      this.tell(now, card, `suspended Grace period expired from ${from} of ${written(expiresAt)}`);
      this.#mail(now, card, 'LICENSE_SUSPENDED');
    }
  }

  #archive(card: Card, now: number): void {
    for (const device of card.devices) {
      const { endedAt, archivedAt } = device;
      if (endedAt === undefined || archivedAt !== undefined || endedAt >= now - ARCHIVED_AFTER) continue;
      device.archivedAt = now;
      this.tell(now, card, `archived ${device.id}`);
    }
  }

  /** It would renew itself, and nobody has said what that costs: each end of a term is told of once. */
  #renew(card: Card, now: number): void {
    const { expiresAt, renewsItself, isTrial, switchedOff, holder, unrenewed } = card;
    if (!renewsItself || isTrial || !runs(card) || switchedOff || !holder || expiresAt === undefined) return;
    const isOver = now >= expiresAt && now >= (graceEnds(card) ?? expiresAt);
    const isDue = expiresAt <= now + RENEWED_BEFORE && expiresAt >= now - RENEWED_UNTIL;
    if (isOver || !isDue || unrenewed.has(expiresAt)) return;
    unrenewed.add(expiresAt);
    this.tell(now, card, 'not renewed: NO_PRICE');
    this.#mail(now, card, 'RENEWAL_FAILED');
  }

  /** Somebody looks after what is due: each hour once for what lapses, each day once for the archive. */
  look(now: number): void {
    for (const { card, what } of this.#mails.splice(0)) this.#mail(now, card, what);
    const [hour, day] = [now - (now % HOUR), now - (now % DAY)];
    if (this.#lookedThrough !== hour) {
      const since = Math.max(this.#lookedThrough ?? hour - HOUR, hour - LONGEST_BREAK);
      for (const card of this.cards) {
        this.#remind(card, now, since, hour);
        this.#lapse(card, now);
      }
      this.#lookedThrough = hour;
    }
    const period = now - (now % RENEWAL_PERIOD);
    if (this.#renewedThrough !== period) for (const card of this.cards) this.#renew(card, now);
    this.#renewedThrough = period;
    if (this.#archivedThrough === day) return;
    for (const card of this.cards) this.#archive(card, now);
    this.#archivedThrough = day;
  }

  /** The next instant at which something falls due of one of them. */
  nextMoment(now: number): number | undefined {
    const moments = this.cards.filter(runs).flatMap((card) => {
      const { expiresAt } = card;
      if (expiresAt === undefined) return [];
      const mornings = REMINDERS.map((days) => morningBefore(expiresAt, days, this.zoneOf(card)));
      return [expiresAt, graceEnds(card) ?? expiresAt, ...mornings.map((at) => Math.ceil(at / HOUR) * HOUR)];
    });
    const later = moments.filter((at) => at > now);
    return later.length === 0 ? undefined : Math.min(...later);
  }
}
