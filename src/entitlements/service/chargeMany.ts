import { sql } from 'drizzle-orm';
import { type LicenseId, newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import {
  decideAll,
  type Holding,
  type Licensee,
  metersNeeded,
  type Need,
  refusesUnits,
} from '../model/decide.js';
import { type Charged, type Line, numbered } from '../model/ledger.js';
import { type Grant, type Meter, meterName, standingOf, type Usage } from '../model/meter.js';
import { lockedCounters, usageIn, usageOf } from '../queries/counters.js';
import { grantsById } from '../queries/grants.js';
import type { FeatureUsage } from '../table.js';
import { type Entry, ensureCounters, type Taker, writeEntries } from './ledger.js';

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

function distinct(meters: readonly Meter[]): Meter[] {
  return [...new Map(meters.map((meter) => [meterName(meter), meter])).values()];
}

/** What a license grants at this moment; to whom it was taken from meanwhile nothing, nor if it was revoked. */
function renewedGrant(before: Grant, grants: ReadonlyMap<LicenseId, Grant>): Grant[] {
  const now = grants.get(before.licenseId);
  const isKept = now?.customerId === before.customerId && now.resellerId === before.resellerId;
  return isKept ? [now] : [];
}

/** Licensees with what their licenses grant at this moment. */
class Renewed {
  readonly #grants: ReadonlyMap<LicenseId, Grant>;
  readonly #known = new Map<Licensee, { licensee: Licensee; holdings: Map<string, Holding> }>();

  constructor(grants: readonly Grant[]) {
    this.#grants = new Map(grants.map((grant) => [grant.licenseId, grant]));
  }

  of(licensee: Licensee): { licensee: Licensee; holdings: Map<string, Holding> } {
    const known = this.#known.get(licensee);
    if (known !== undefined) return known;
    const drawable = licensee.drawable.flatMap((grant) => renewedGrant(grant, this.#grants));
    const renewed = { licensee: { ...licensee, drawable }, holdings: new Map<string, Holding>() };
    this.#known.set(licensee, renewed);
    return renewed;
  }
}

/** What is used of the meters of one caller, with what those before it have drawn. */
function usageFor(meters: readonly Meter[], spent: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(meters.map((meter) => [meterName(meter), spent.get(meterName(meter)) ?? 0]));
}

function withStandings(
  charged: readonly Charged[],
  needs: readonly Need[],
  holdings: ReadonlyMap<string, Holding>,
  usage: Usage,
): Charged[] {
  return charged.map((each, index) => {
    const need = needs[index];
    const holding = need !== undefined && need.amount > 0 ? holdings.get(need.feature) : undefined;
    return holding === undefined ? each : { ...each, standing: standingOf(holding.meters, usage) };
  });
}

function chargeOne(asked: Asked, renewed: Renewed, spent: Map<string, number>, work: Work): Answer {
  const { licensee, holdings } = renewed.of(asked.licensee);
  const meters = metersNeeded(licensee, asked.needs, work.now);
  // A limit that was given another period meanwhile has another counter, which nobody looked at.
  if (meters.some((meter) => !spent.has(meterName(meter)))) return undefined;
  const decisions = decideAll(licensee, asked.needs, usageFor(meters, spent), work.now, holdings);
  if (!asked.isFresh && decisions.some(({ granted }) => !granted)) return undefined;
  const charged = refusesUnits(decisions)
    ? decisions.map((decision) => ({ decision, lines: [] }))
    : numbered(newId<'Grant'>(work.now), decisions);
  for (const { meter, amount } of charged.flatMap(({ lines }) => lines)) {
    const name = meterName(meter);
    spent.set(name, (spent.get(name) ?? 0) + amount);
  }
  return asked.tells === true ? withStandings(charged, asked.needs, holdings, spent) : charged;
}

type Counters = ReadonlyMap<string, FeatureUsage>;

/** Locks counters that are there; those that are not are made first, with no lock in hand that others might wait for. */
async function lockOrMake(work: Work, meters: readonly Meter[]): Promise<Counters> {
  await work.db.execute(sql`savepoint counters`);
  const found = await lockedCounters(work, meters);
  if (found.size === meters.length) return found;
  await work.db.execute(sql`rollback to savepoint counters`);
  await ensureCounters(work, meters);
  return lockedCounters(work, meters);
}

const drawsOf = (answers: readonly Answer[]): Line[] =>
  answers.flatMap((answer) => (answer ?? []).flatMap(({ lines }) => lines));

/**
 * Of several licenses that grant a feature few are drawn from: a look without locks tells which. Those whose units turn
 * out to come from others, once the few are locked, have to ask again.
 */
async function meet(
  work: Work,
  asked: readonly Asked[],
  _meters: readonly Meter[],
  renewed: Renewed,
  seen: Usage,
) {
  const decideBy = (usage: Usage): Answer[] => {
    const spent = new Map(usage);
    return asked.map((each) => chargeOne(each, renewed, spent, work));
  };
  const chosen = distinct(drawsOf(decideBy(seen)).map(({ meter }) => meter));
  const counters = chosen.length === 0 ? new Map() : await lockOrMake(work, chosen);
  const answers = decideBy(new Map([...seen, ...usageIn(counters)]));
  const met = (answer: Answer): boolean =>
    (answer ?? []).every(({ lines }) => lines.every(({ meter }) => counters.has(meterName(meter))));
  return { counters, answers: answers.map((answer) => (met(answer) ? answer : undefined)) };
}

function entriesOf(asked: readonly Asked[], answers: readonly Answer[]): Entry[] {
  return asked.flatMap(({ taker }, index) =>
    drawsOf([answers[index]]).map((line) => ({ kind: 'GRANT' as const, taker, line })),
  );
}

/**
 * Grants to many callers of one tenant in the order of their arrival, any amounts, in one transaction: licenses are read,
 * counters locked, every caller is decided on what those before it have left, and counters and ledger are written in one
 * statement. Each caller is charged whole or not at all; nobody waits for a row lock that another of them holds.
 */
export async function chargeMany(work: Work, asked: readonly Asked[]): Promise<readonly Answer[]> {
  const meters = distinct(asked.flatMap(({ licensee, needs }) => metersNeeded(licensee, needs, work.now)));
  const ids = [...new Set(meters.map((meter) => meter.licenseId))];
  const [grants, usage] = await Promise.all([grantsById(work, ids), usageOf(work, meters)]);
  const seen = new Map(meters.map((meter) => [meterName(meter), usage.get(meterName(meter)) ?? 0]));
  const { counters, answers } = await meet(work, asked, meters, new Renewed(grants), seen);
  await writeEntries(work, entriesOf(asked, answers), counters);
  return answers;
}
