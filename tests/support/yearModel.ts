/**
 * What the clock does to licenses and whom it tells, in words of its own: nothing of the product stands in here.
 */
import { Till } from './yearBills.js';
import {
  type Card,
  DAY,
  dawnsUntil,
  graceEnds,
  HOUR,
  type House,
  MINUTE,
  morningBefore,
  reads,
  runs,
  written,
} from './yearCards.js';
import type { Desk, Letter, Weather } from './yearLedger.js';

const REMINDERS = [1, 7, 14, 30];
/** A morning that was over for less when somebody looked last may have become one only since then: by another clock, or day. */
const REMEMBERED = 36 * HOUR;
/** After a longer break nothing older is told. */
const LONGEST_BREAK = 31 * DAY;
const ARCHIVED_AFTER = 90 * DAY;
const RENEWAL_PERIOD = 10 * MINUTE;

interface Mail extends Letter {
  readonly card: Card;
  readonly what: string;
}

/** Everything that has to be told, as lines: the instant, the license, what. */
export class Year implements Desk {
  readonly cards: Card[] = [];
  readonly lines: string[] = [];
  readonly till = new Till(this, this.cards);
  /** What has happened since the queue was last looked after, and who is told of it by mail. */
  readonly #mails: Mail[] = [];
  #lookedThrough: number | undefined;
  #archivedThrough: number | undefined;
  #renewedThrough: number | undefined;

  constructor(readonly house: House) {}

  tell(at: number, { name }: Card, what: string): void {
    this.lines.push(`${written(at)} ${name} ${what}`);
  }

  /** A mail goes out once somebody looks after the queue, if there is something to be told by then. */
  mailNext(card: Card, what: string, letter: Letter = {}): void {
    this.#mails.push({ card, what, ...letter });
  }

  #mail(at: number, { card, what, isToHolder, isToStaff = false }: Mail): void {
    const to = (isToHolder?.() ?? true) ? card.holder : undefined;
    const { language, timeZone, staff } = this.house;
    if (isToStaff) this.tell(at, card, `mail ${what} ${staff} ${language} ${timeZone} SENT`);
    if (!to?.email) return;
    const isKept = what.startsWith('LICENSE_EXPIRING') && !to.wantsReminders;
    const reader = `${to.language ?? language} ${to.timeZone ?? timeZone}`;
    this.tell(at, card, `mail ${what} ${to.email} ${reader} ${isKept ? 'SUPPRESSED' : 'SENT'}`);
  }

  /** The queue is looked after, and not the clock: whoever asks for a refund there asks for all that is due. */
  work(now: number, weather: Weather, isRefundAsked: boolean): void {
    this.post(now);
    if (isRefundAsked) this.till.ask(now, weather);
    this.post(now);
  }

  post(now: number): void {
    for (const mail of this.#mails.splice(0)) if (mail.isStill?.() ?? true) this.#mail(now, mail);
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
      const isStill = (): boolean =>
        card.expiresAt === expiresAt && ['ACTIVE', 'INACTIVE'].includes(reads(card, now));
      this.mailNext(card, `LICENSE_EXPIRING ${left}`, { isStill });
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
      this.mailNext(card, 'LICENSE_SUSPENDED', { isStill: () => reads(card, now) === 'SUSPENDED' });
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

  /** Somebody looks after what is due: each hour once for what lapses, each day once for the archive. */
  look(now: number, weather: Weather): void {
    this.post(now);
    const [hour, day] = [now - (now % HOUR), now - (now % DAY)];
    if (this.#lookedThrough !== hour) {
      const since = Math.max(this.#lookedThrough ?? hour - HOUR, hour - LONGEST_BREAK);
      for (const card of this.cards) {
        this.#remind(card, now, since, hour);
        this.#lapse(card, now);
      }
      this.#lookedThrough = hour;
    }
    if (this.#archivedThrough !== day) for (const card of this.cards) this.#archive(card, now);
    this.#archivedThrough = day;
    this.post(now);
    const period = now - (now % RENEWAL_PERIOD);
    if (this.#renewedThrough !== period) this.till.look(now, weather);
    this.#renewedThrough = period;
    this.post(now);
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
