import { instant } from '../../src/core/clock.js';
import { activate } from './fixtures.js';
import type { Random } from './random.js';
import { goOn } from './yearBills.js';
import { type Card, DAY, dated, HOUR, reads, written } from './yearCards.js';
import { type Act, ask, tried, type YearDesk } from './yearDesk.js';
import { openBill } from './yearLedger.js';
import { flipRenewal, moneyActs } from './yearMoneyActs.js';
import { refundActs } from './yearRefundActs.js';

function endDevices(card: Card, now: number): void {
  for (const device of card.devices) device.endedAt ??= now;
}

const renew: Act = {
  weight: 10,
  prefers: ({ expiresAt }, now) => expiresAt !== undefined && expiresAt < now + 5 * DAY,
  run: async (desk, card, now) => {
    const [durationMonths, extendMaintenance] = [1 + desk.random.below(4), desk.random.chance(0.5)];
    const isClosed = card.revoked || card.heldBack || card.waits;
    const input = { licenseId: card.id, durationMonths, extendMaintenance };
    const refusal = isClosed ? 'LICENSE_NOT_RENEWABLE' : undefined;
    await tried(desk, 'renewLicense', input, refusal, () => {
      desk.year.tell(now, card, `renewed by HAND ${goOn(card, durationMonths, extendMaintenance, now)}`);
    });
  },
};

const suspend: Act = {
  weight: 3,
  run: async (desk, card, now) => {
    const status = reads(card, now);
    const reason = `Invoice ${desk.random.below(1000)} is overdue`;
    const refusal = ['SUSPENDED', 'REVOKED'].includes(status) ? 'INVALID_TRANSITION' : undefined;
    await tried(desk, 'suspendLicense', { licenseId: card.id, reason }, refusal, () => {
      card.heldBack = true;
      desk.year.tell(now, card, `suspended ${reason} from ${status}`);
      desk.year.mailNext(card, 'LICENSE_SUSPENDED');
    });
  },
};

const reinstate: Act = {
  weight: 5,
  prefers: ({ heldBack, revoked }) => heldBack && !revoked,
  run: async (desk, card, now) => {
    const refusal = card.heldBack && !card.revoked ? undefined : 'INVALID_TRANSITION';
    await tried(desk, 'reinstateLicense', { licenseId: card.id }, refusal, () => {
      card.heldBack = false;
      desk.year.tell(now, card, `reinstated ${reads(card, now)}`);
    });
  },
};

const revoke: Act = {
  weight: 0.7,
  run: async (desk, card, now) => {
    const status = reads(card, now);
    const refusal = card.revoked ? 'INVALID_TRANSITION' : undefined;
    await tried(desk, 'revokeLicense', { licenseId: card.id, reason: 'Resold' }, refusal, () => {
      card.revoked = true;
      endDevices(card, now);
      desk.year.tell(now, card, `revoked from ${status}`);
      desk.year.mailNext(card, 'LICENSE_REVOKED');
    });
  },
};

const transfer: Act = {
  weight: 4,
  run: async (desk, card, now) => {
    const [holder, deactivateExisting] = [desk.random.pick(desk.holders), desk.random.chance(0.7)];
    const input = {
      licenseId: card.id,
      newCustomerId: holder.id,
      newIssuedTo: 'Grace Hopper',
      transferReason: 'Sold on',
      deactivateExisting,
    };
    const refusal = card.revoked ? 'LICENSE_REVOKED' : holder.isOff ? 'CUSTOMER_INACTIVE' : undefined;
    await tried(desk, 'transferLicense', input, refusal, () => {
      card.holder = holder;
      if (deactivateExisting) endDevices(card, now);
      desk.year.tell(now, card, `transferred to ${holder.id}`);
    });
  },
};

const flip: Act = {
  weight: 4,
  run: async (desk, card, now) => {
    const isRunning = ['ACTIVE', 'INACTIVE'].includes(reads(card, now));
    const refusal = card.revoked ? 'LICENSE_REVOKED' : isRunning ? undefined : 'INVALID_TRANSITION';
    const status = reads(card, now) === 'INACTIVE' ? 'ACTIVE' : 'INACTIVE';
    await tried(desk, 'updateLicense', { licenseId: card.id, status }, refusal, () => {
      card.switchedOff = status === 'INACTIVE';
    });
  },
};

/** A new device; of a trial that waits, the beginning. */
const start: Act = {
  weight: 12,
  run: async (desk, card, now) => {
    if (!['ACTIVE', 'PENDING'].includes(reads(card, now))) return;
    const device = `${card.name}-${card.devices.length}`;
    const { activation } = await activate(desk.server(), card.licenseKey, device, { user: device });
    card.devices.push({ id: String(activation?.id), endedAt: undefined, archivedAt: undefined });
    if (!card.waits) return;
    card.waits = false;
    dated(card, now + card.trialDays * DAY, now);
    desk.year.tell(now, card, `begun until ${written(card.expiresAt)}`);
  },
};

const giveUp: Act = {
  weight: 8,
  run: async (desk, card, now) => {
    const device = card.devices.find(({ endedAt }) => endedAt === undefined);
    if (device === undefined) return;
    const { code } = await ask(desk, 'deactivateActivation', { activationId: device.id });
    if (code !== undefined) throw new Error(`device ${device.id} could not be given up: ${code}`);
    device.endedAt = now;
  },
};

/** Another last day, sooner or later than the one before. */
const redate: Act = {
  weight: 3,
  run: async (desk, card, now) => {
    if (!['ACTIVE', 'INACTIVE'].includes(reads(card, now)) || card.expiresAt === undefined) return;
    const expiresAt = now + HOUR + desk.random.below(40 * DAY);
    const input = { licenseId: card.id, expiryDate: instant(expiresAt) };
    await tried(desk, 'updateLicense', input, undefined, () => dated(card, expiresAt, now));
  },
};

const ZONES = ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Europe/Lisbon', 'Asia/Kathmandu', 'UTC'] as const;

/** Who holds it goes to live elsewhere. */
const move: Act = {
  weight: 4,
  run: async (desk, { holder }) => {
    if (holder === undefined) return;
    const timeZone = desk.random.pick([...ZONES, null]);
    await tried(desk, 'updateCustomer', { customerId: holder.id, timeZone }, undefined, () => {
      holder.timeZone = timeZone;
    });
  },
};

/** A customer leaves, as a rule with something to be paid, or comes back; most of them are there. */
const flipHolder: Act = {
  weight: 7,
  prefers: (card) => (card.holder?.isOff ?? false) || openBill(card)?.isByHand === false,
  run: async (desk, { holder }) => {
    if (holder === undefined) return;
    const isOff = !holder.isOff;
    if (isOff && desk.holders.filter((each) => each.isOff).length >= desk.holders.length / 3) return;
    const input = { customerId: holder.id, status: isOff ? 'INACTIVE' : 'ACTIVE' };
    await tried(desk, 'updateCustomer', input, undefined, () => {
      holder.isOff = isOff;
    });
  },
};

/** The whole house goes elsewhere, and with it whoever says nothing of where he lives. */
const moveHouse: Act = {
  weight: 1,
  run: async (desk) => {
    const timeZone = desk.random.pick(ZONES);
    await tried(desk, 'updateTenantSettings', { timeZone }, undefined, () => {
      desk.year.house.timeZone = timeZone;
    });
  },
};

/** What is to be paid for is moved, ended, held back, renewed or dated otherwise meanwhile. */
const overtake: Act = {
  weight: 7,
  prefers: (card) => openBill(card) !== undefined,
  run: (desk, card, now) => {
    const acts = [renew, transfer, transfer, suspend, reinstate, flip, flip, redate, flipRenewal, flipHolder];
    return (desk.random.chance(0.1) ? revoke : desk.random.pick(acts)).run(desk, card, now);
  },
};

const acts: readonly Act[] = [
  renew,
  suspend,
  reinstate,
  revoke,
  transfer,
  flip,
  start,
  giveUp,
  redate,
  move,
  moveHouse,
  flipHolder,
  overtake,
  ...moneyActs,
  ...refundActs,
];

function weighed(random: Random): Act {
  let left = random.next() * acts.reduce((sum, { weight }) => sum + weight, 0);
  for (const act of acts) {
    left -= act.weight;
    if (left < 0) return act;
  }
  return renew;
}

/** Somebody does something to one of these licenses at that instant. Those that are in trouble are cared for more. */
export async function actAtRandom(desk: YearDesk, cards: readonly Card[], now: number): Promise<Card> {
  const { random } = desk;
  desk.server().now = instant(now);
  const act = weighed(random);
  const preferred = cards.filter((each) => act.prefers?.(each, now) ?? false);
  const card = random.pick(preferred.length > 0 && random.chance(0.8) ? preferred : cards);
  await act.run(desk, card, now);
  return card;
}
