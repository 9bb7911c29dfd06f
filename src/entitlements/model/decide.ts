import type { Instant } from '../../core/clock.js';
import { Refusal } from '../../core/refusal.js';
import { type Grant, grantsFeature, leftOf, type Meter, metersOf, standingOf, type Usage } from './meter.js';

/** What is asked of a feature; an amount of 0 only asks whether it is granted. */
export interface Need {
  readonly feature: string;
  readonly amount: number;
  /** Where an operation asks it, response names joined by dots: what lies below a refused path will not run. */
  readonly path?: string;
}

/** Whose licenses are asked, and from which of them units are drawn. */
export interface Licensee {
  readonly drawable: readonly Grant[];
  /** Features that are known to be granted, whether or not a license that is drawable grants them. */
  readonly granted: ReadonlySet<string>;
  readonly licensed: boolean;
  /** Until then it stays so, unless somebody changes a license; null is for good. */
  readonly until: Instant | null;
}

export interface Draw {
  readonly meter: Meter;
  readonly amount: number;
  /** Granted although the limit was used up. */
  readonly pastLimit?: true;
}

export type Decision =
  | { readonly granted: true; readonly draws: readonly Draw[] }
  /** If units were asked for that will be used, `metered`, nothing of the whole operation is charged. */
  | { readonly granted: false; readonly refusal: Refusal; readonly metered: boolean };

export function noActiveLicense(): Refusal {
  return new Refusal('NO_ACTIVE_LICENSE', 'No active license found for tenant');
}

export function featureNotLicensed(feature: string): Refusal {
  return new Refusal('FEATURE_NOT_LICENSED', `Feature '${feature}' not licensed`, { feature });
}

/** Of what is unlimited no more is refused than a counter can tell. */
function quotaExceeded(feature: string, meters: readonly Meter[], usage: Usage): Refusal {
  const { limit, used, windowEndsAt } = standingOf(meters, usage);
  const details = { feature, limit, used, windowEndsAt };
  return new Refusal('QUOTA_EXCEEDED', `Feature quota exceeded: ${used}/${limit ?? 'unlimited'}`, details);
}

/** A counter that says more could not be read exactly any more, by anybody. */
function fits({ meter, amount }: Draw, usage: Usage): boolean {
  return (usage.get(meter.name) ?? 0) + amount <= Number.MAX_SAFE_INTEGER;
}

/** What is left of the limits first, in draw order; then past the limit of the last license that allows it. */
function drawnFrom(meters: readonly Meter[], amount: number, usage: Usage): Draw[] | undefined {
  const draws: Draw[] = [];
  let missing = amount;
  for (const meter of meters) {
    if (missing === 0) break;
    const taken = meter.limit === null ? missing : Math.min(leftOf(meter, usage), missing);
    if (taken > 0) draws.push({ meter, amount: taken });
    missing -= taken;
  }
  const past = meters.findLast(({ overage }) => overage === 'ALLOW' || overage === 'WARN');
  if (missing > 0 && past !== undefined) return [...draws, { meter: past, amount: missing, pastLimit: true }];
  return missing === 0 ? draws : undefined;
}

function drawn(meters: readonly Meter[], amount: number, usage: Usage): Draw[] | undefined {
  const draws = drawnFrom(meters, amount, usage);
  return draws !== undefined && byMeter(draws).every((draw) => fits(draw, usage)) ? draws : undefined;
}

/** What a licensee has of one feature. */
export interface Holding {
  readonly granted: boolean;
  readonly meters: readonly Meter[];
}

/** Its meters are looked for when units are asked for. */
class FoundHolding implements Holding {
  #meters: readonly Meter[] | undefined;

  constructor(
    readonly granted: boolean,
    private readonly find: () => readonly Meter[],
  ) {}

  get meters(): readonly Meter[] {
    this.#meters ??= this.find();
    return this.#meters;
  }
}

/** What a licensee has at an instant: each feature is looked for once, however many needs and callers ask it. */
export class Holdings {
  readonly #known = new Map<string, Holding>();

  constructor(
    readonly licensee: Licensee,
    private readonly now: Instant,
  ) {}

  of(feature: string): Holding {
    const known = this.#known.get(feature);
    if (known !== undefined) return known;
    const { drawable, granted } = this.licensee;
    const find = (): readonly Meter[] => metersOf(drawable, feature, this.now);
    const isGranted = granted.has(feature) || grantsFeature(drawable, feature, this.now);
    const holding = new FoundHolding(isGranted, find);
    this.#known.set(feature, holding);
    return holding;
  }
}

/**
 * The three conditions of the directive, in their order. `spent` is the usage with what earlier needs of the same
 * operation have drawn; a refusal tells the usage itself, because nothing of them is charged then.
 */
function decideHeld(
  licensed: boolean,
  { feature, amount }: Need,
  held: Holding,
  usage: Usage,
  spent: Usage,
): Decision {
  const metered = amount > 0;
  if (!licensed) return { granted: false, refusal: noActiveLicense(), metered };
  if (!held.granted) return { granted: false, refusal: featureNotLicensed(feature), metered };
  if (!metered) return { granted: true, draws: [] };
  const { meters } = held;
  const draws = drawn(meters, amount, spent);
  return draws === undefined
    ? { granted: false, refusal: quotaExceeded(feature, meters, usage), metered }
    : { granted: true, draws };
}

/** Decides one need by itself. */
export function decide(licensee: Licensee, need: Need, usage: Usage, now: Instant): Decision {
  return decideHeld(licensee.licensed, need, new Holdings(licensee, now).of(need.feature), usage, usage);
}

/** Usage with what was drawn since, so that several needs of one operation see each other. */
export class Spent {
  readonly #drawn = new Map<string, number>();

  constructor(private readonly usage: Usage) {}

  get(name: string): number {
    return (this.usage.get(name) ?? 0) + (this.#drawn.get(name) ?? 0);
  }

  draw(draws: readonly Draw[]): void {
    for (const { meter, amount } of draws) {
      this.#drawn.set(meter.name, (this.#drawn.get(meter.name) ?? 0) + amount);
    }
  }
}

/** The refusal of the path that one stands below, if there is one: asked for each of its parents, the root first. */
function refusalAbove(path: string, closed: ReadonlyMap<string, Refusal>): Refusal | undefined {
  for (let end = path.indexOf('.'); end !== -1; end = path.indexOf('.', end + 1)) {
    const refusal = closed.get(path.slice(0, end));
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/**
 * Decides needs in their order, those above before those below; each sees what those before it have drawn. What lies
 * below a path that is refused without units needs none: it answers that refusal.
 */
export function decideAll(
  licensee: Licensee,
  needs: readonly Need[],
  usage: Usage,
  now: Instant,
  holdings: Holdings = new Holdings(licensee, now),
): Decision[] {
  const [only] = needs;
  // One that is alone stands below none and draws before none.
  if (only !== undefined && needs.length === 1)
    return [decideHeld(licensee.licensed, only, holdings.of(only.feature), usage, usage)];
  const spent = new Spent(usage);
  const closed = new Map<string, Refusal>();
  return needs.map((need) => {
    const above = need.path === undefined ? undefined : refusalAbove(need.path, closed);
    if (above !== undefined) return { granted: false, refusal: above, metered: false };
    const decision = decideHeld(licensee.licensed, need, holdings.of(need.feature), usage, spent);
    if (decision.granted) spent.draw(decision.draws);
    else if (!decision.metered && need.path !== undefined) closed.set(need.path, decision.refusal);
    return decision;
  });
}

/** The meters that needs may draw from. */
export function metersNeeded(licensee: Licensee, needs: readonly Need[], now: Instant): Meter[] {
  const metered = new Set(needs.filter((need) => need.amount > 0).map((need) => need.feature));
  return [...metered].flatMap((feature) => metersOf(licensee.drawable, feature, now));
}

/** Whether units were asked for that are not there: then nothing of the whole operation is charged. */
export function refusesUnits(decisions: readonly Decision[]): boolean {
  return decisions.some((decision) => !decision.granted && decision.metered);
}

/** One draw a meter, however many needs drew from it. */
export function byMeter(draws: readonly Draw[]): Draw[] {
  if (draws.length < 2) return [...draws];
  const sums = new Map<string, { readonly meter: Meter; amount: number }>();
  for (const { meter, amount } of draws) {
    const sum = sums.get(meter.name);
    if (sum === undefined) sums.set(meter.name, { meter, amount });
    else sum.amount += amount;
  }
  return [...sums.values()];
}
