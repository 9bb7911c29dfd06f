import { sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import { newId } from '../../core/id.js';
import { prepared } from '../../core/prepared.js';
import type { Work } from '../../core/work.js';
import { byMeter, decideAll, Holdings, type Licensee, type Need, refusesUnits } from '../model/decide.js';
import { type Charged, type Line, numbered } from '../model/ledger.js';
import { type Grant, type Meter, standingOf, type Usage } from '../model/meter.js';
import { type Counters, lockedCounters, readCounters } from '../queries/counters.js';
import { grantsById } from '../queries/grants.js';
import { type Entry, ensureCounters, sendEntries, type Taker, type Written } from './ledger.js';

/** What one of many callers asks for; its licensee may be some moments old. */
export interface Asked {
  readonly taker: Taker;
  readonly needs: readonly Need[];
  readonly licensee: Licensee;
  /** Whether the licenses were read for this very question: what was remembered refuses nobody. */
  readonly isFresh: boolean;
  /** Whether it is told what stands on the meters afterwards. */
  readonly tells?: true;
}

/** Charged, refused, or undefined: what was known of the licensee is too old to charge or to refuse by, and nothing was. */
export type Answer = readonly Charged[] | undefined;

type Used = ReadonlyMap<string, number>;
type HoldingsOf = (licensee: Licensee) => Holdings;

/** What licensees have, looked for once for all who ask as one of them. */
function holdingsOf(now: Instant, renew: (licensee: Licensee) => Licensee = (same) => same): HoldingsOf {
  const known = new Map<Licensee, Holdings>();
  return (licensee) => {
    const found = known.get(licensee) ?? new Holdings(renew(licensee), now);
    known.set(licensee, found);
    return found;
  };
}

/** Licensees with what their licenses grant at this moment: nothing to whom they were taken from, nor if they were revoked. */
function renewedBy(grants: readonly Grant[]): (licensee: Licensee) => Licensee {
  const byId = new Map(grants.map((grant) => [grant.licenseId, grant]));
  const renewed = (before: Grant): Grant[] => {
    const now = byId.get(before.licenseId);
    const isKept = now?.customerId === before.customerId && now.resellerId === before.resellerId;
    return isKept ? [now] : [];
  };
  return (licensee) => ({ ...licensee, drawable: licensee.drawable.flatMap(renewed) });
}

/** The meters that are asked, each once, and whether some feature has several of them to be drawn from. */
function metersAsked(
  asked: readonly Asked[],
  remembered: HoldingsOf,
): { meters: Meter[]; isChoice: boolean } {
  const meters = new Map<string, Meter>();
  let isChoice = false;
  for (const { licensee, needs } of asked) {
    for (const need of needs) {
      if (need.amount === 0) continue;
      const own = remembered(licensee).of(need.feature).meters;
      if (own.length > 1) isChoice = true;
      for (const meter of own) meters.set(meter.name, meter);
    }
  }
  return { meters: [...meters.values()], isChoice };
}

/** A limit that was given another period meanwhile has another counter, which nobody looked at. */
function areKnown(holdings: Holdings, needs: readonly Need[], used: Used): boolean {
  return needs.every(
    ({ feature, amount }) => amount === 0 || holdings.of(feature).meters.every(({ name }) => used.has(name)),
  );
}

function withStandings(
  charged: readonly Charged[],
  needs: readonly Need[],
  holdings: Holdings,
  usage: Usage,
): Charged[] {
  return charged.map((each, index) => {
    const { feature = '', amount = 0 } = needs[index] ?? {};
    return amount === 0 ? each : { ...each, standing: standingOf(holdings.of(feature).meters, usage) };
  });
}

function chargeOne(
  { needs, isFresh, tells }: Asked,
  holdings: Holdings,
  spent: Map<string, number>,
  now: Instant,
): Answer {
  if (!areKnown(holdings, needs, spent)) return undefined;
  const decisions = decideAll(holdings.licensee, needs, spent, now, holdings);
  if (!isFresh && decisions.some(({ granted }) => !granted)) return undefined;
  const charged = refusesUnits(decisions)
    ? decisions.map((decision) => ({ decision, lines: [] }))
    : numbered(newId<'Grant'>(now), decisions);
  for (const { lines } of charged)
    for (const { meter, amount } of lines) spent.set(meter.name, (spent.get(meter.name) ?? 0) + amount);
  return tells === true ? withStandings(charged, needs, holdings, spent) : charged;
}

/** Decides on all in the order of their arrival, each on what those before have left: what they draw is added to it. */
function chargeInTurn(
  asked: readonly Asked[],
  renewed: HoldingsOf,
  spent: Map<string, number>,
  now: Instant,
): Answer[] {
  return asked.map((each) => chargeOne(each, renewed(each.licensee), spent, now));
}

const linesOf = (answer: Answer): Line[] => (answer ?? []).flatMap(({ lines }) => lines);

const savepoint = prepared<never, Record<string, never>>(sql`savepoint counters`);
const undo = prepared<never, Record<string, never>>(sql`rollback to savepoint counters`);

/** Locks counters that are there, behind a point to which the locks can be given back. Both are sent at once. */
async function lock(work: Work, meters: readonly Meter[]): Promise<Counters> {
  const [, found] = await Promise.all([savepoint(work.db, {}), lockedCounters(work, meters)]);
  return found;
}

/** Those that are not there are made first, with no lock in hand that others might wait for. */
async function lockOrMake(work: Work, meters: readonly Meter[]): Promise<Counters> {
  if (meters.length === 0) return new Map();
  const found = await lock(work, meters);
  if (found.size === meters.length) return found;
  await undo(work.db, {});
  await ensureCounters(work, meters);
  return lockedCounters(work, meters);
}

function grantsOf(work: Work, meters: readonly Meter[]): Promise<Grant[]> {
  return grantsById(work, [...new Set(meters.map(({ licenseId }) => licenseId))]);
}

const usedBy = (meters: readonly Meter[], counters: Counters): Map<string, number> =>
  new Map(meters.map(({ name }) => [name, counters.get(name)?.used ?? 0]));

interface Charge {
  readonly counters: Counters;
  readonly answers: readonly Answer[];
}

const hasAll = (counters: Counters, { lines }: Charged): boolean =>
  lines.every(({ meter }) => counters.has(meter.name));

const isMet = ({ counters, answers }: Charge): boolean =>
  answers.every((answer) => answer?.every((each) => hasAll(counters, each)) ?? true);

/**
 * Draws from the counters that a look has chosen, once they are locked. Whoever turns out to draw from others has to ask
 * again.
 */
async function chargeChosen(
  work: Work,
  looked: Charge,
  decide: (counters: Counters) => Answer[],
): Promise<Charge> {
  const chosen = byMeter(looked.answers.flatMap(linesOf)).map(({ meter }) => meter);
  const counters = await lockOrMake(work, chosen);
  const answers = decide(new Map([...looked.counters, ...counters]));
  return {
    counters,
    answers: answers.map((answer) => (isMet({ counters, answers: [answer] }) ? answer : undefined)),
  };
}

/**
 * Where each feature has one meter its counter is locked at once, with the look at the licenses; if one is not there that
 * has to be drawn from, all locks are given back before it is made. Of several few are drawn from: a look without locks
 * tells which.
 */
async function charge(work: Work, asked: readonly Asked[]): Promise<Charge> {
  const { meters, isChoice } = metersAsked(asked, holdingsOf(work.now));
  // What fails is the wait for a lock: nothing may stand behind it that fails with it, and speaks first.
  const [grants, counters] = await Promise.all([
    grantsOf(work, meters),
    isChoice ? readCounters(work, meters) : lock(work, meters),
  ]);
  const renewed = holdingsOf(work.now, renewedBy(grants));
  const decide = (known: Counters): Answer[] => chargeInTurn(asked, renewed, usedBy(meters, known), work.now);
  const looked = { counters, answers: decide(counters) };
  if (!isChoice && isMet(looked)) return looked;
  if (!isChoice) await undo(work.db, {});
  return chargeChosen(work, looked, decide);
}

/** What everybody is answered once it is written. */
export interface ChargedMany extends Written {
  readonly answers: readonly Answer[];
}

/**
 * Grants to many callers of one tenant in the order of their arrival, any amounts, in one transaction: licenses are read,
 * counters locked, every caller is decided on what those before it have left, and counters and ledger are written in one
 * statement. Each caller is charged whole or not at all; nobody waits for a row lock that another of them holds.
 */
export async function chargeMany(work: Work, asked: readonly Asked[]): Promise<ChargedMany> {
  const { counters, answers } = await charge(work, asked);
  const entries: Entry[] = [];
  for (const [index, { taker }] of asked.entries()) {
    for (const { lines } of answers[index] ?? []) {
      for (const line of lines) entries.push({ kind: 'GRANT', taker, line });
    }
  }
  return { answers, ...(await sendEntries(work, entries, counters)) };
}
