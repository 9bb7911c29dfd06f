/**
 * What the meter has to do, told once more and apart from the product's code, for commands one after the other. Nothing
 * of src/entitlements is used here: a slip there must not be made twice.
 */
export type Period = 'NONE' | 'HOUR' | 'DAY' | 'MONTH' | 'YEAR';
export type Overage = 'DENY' | 'ALLOW' | 'WARN';

export interface ModelFeature {
  readonly enabled: boolean;
  readonly limit: number | null;
  readonly period: Period;
  readonly overage: Overage;
}

interface ModelTopUp {
  readonly amount: number;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

export interface ModelLicense {
  /** Undefined for the whole tenant. */
  owner: string | undefined;
  readonly anchor: number;
  expiry: number | null;
  readonly graceMillis: number;
  /** Suspended for a cause, or revoked. */
  blocked: boolean;
  feature: ModelFeature;
  readonly topUps: ModelTopUp[];
}

/** One counter: of a license's own limit in a window, or of a top-up of it. */
interface Counter {
  readonly name: string;
  readonly limit: number | null;
  readonly overage: Overage;
}

interface Draw {
  readonly name: string;
  readonly units: number;
  readonly resets: number;
}

export type Outcome = 'granted' | 'NO_ACTIVE_LICENSE' | 'FEATURE_NOT_LICENSED' | 'QUOTA_EXCEEDED';
export interface ModelGrant {
  readonly draws: readonly Draw[];
  isReturned: boolean;
}

const SPANS = { HOUR: 3_600_000, DAY: 86_400_000 } as const;
const PERCENTS = [80, 90, 100];

/** The n-th turn of a calendar window: the day of the anchor, or the last one of a month that has no such day. */
export function turnOf(anchor: number, months: number): number {
  const from = new Date(anchor);
  const month = from.getUTCMonth() + months;
  const lastDay = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const day = Math.min(from.getUTCDate(), lastDay);
  const midnight = Date.UTC(from.getUTCFullYear(), month, day);
  return midnight + (anchor % SPANS.DAY);
}

/** When the window that an instant lies in has begun. */
export function windowStartOf(anchor: number, period: Period, now: number): number {
  if (period === 'NONE') return 0;
  if (period === 'HOUR' || period === 'DAY') {
    return anchor + Math.max(0, Math.floor((now - anchor) / SPANS[period])) * SPANS[period];
  }
  const months = period === 'MONTH' ? 1 : 12;
  let count = 0;
  while (turnOf(anchor, (count + 1) * months) <= now) count += 1;
  return turnOf(anchor, count * months);
}

export class MeterModel {
  readonly licenses: ModelLicense[] = [];
  readonly used = new Map<string, number>();
  readonly #told = new Map<string, number>();
  readonly #resets = new Map<string, number>();
  readonly grants: ModelGrant[] = [];
  /** Thresholds that were told so far. */
  told = 0;

  constructor(public now: number) {}

  isGranting({ blocked, expiry, graceMillis }: ModelLicense): boolean {
    return !blocked && (expiry === null || this.now < expiry + graceMillis);
  }

  /** Who asks: a customer by its name, or undefined for the tenant's own people. */
  #reach(asker: string | undefined): ModelLicense[] {
    return this.licenses.filter(
      (license) =>
        this.isGranting(license) &&
        (asker === undefined || license.owner === undefined || license.owner === asker),
    );
  }

  /** The counters that units are drawn from, in their order. */
  counters(asker: string | undefined): Counter[] {
    const drawable = this.#reach(asker).filter(
      ({ owner, feature }) => (asker !== undefined || owner === undefined) && feature.enabled,
    );
    const last = Number.POSITIVE_INFINITY;
    const ordered = drawable.toSorted(
      (left, right) =>
        (left.expiry ?? last) - (right.expiry ?? last) || this.#place(left) - this.#place(right),
    );
    return ordered.flatMap((license) => [this.#own(license), ...this.#extra(license)]);
  }

  #place(license: ModelLicense): number {
    return this.licenses.indexOf(license);
  }

  #own(license: ModelLicense): Counter {
    const { limit, period, overage } = license.feature;
    return { name: this.nameOf(license, windowStartOf(license.anchor, period, this.now)), limit, overage };
  }

  #extra(license: ModelLicense): Counter[] {
    if (license.feature.limit === null) return [];
    const last = Number.POSITIVE_INFINITY;
    return license.topUps
      .map((topUp, index) => ({ ...topUp, name: `${this.#place(license)} top-up ${index}` }))
      .filter(({ expiresAt }) => expiresAt === null || expiresAt > this.now)
      .toSorted((left, right) => (left.expiresAt ?? last) - (right.expiresAt ?? last))
      .map(({ name, amount }) => ({ name, limit: amount, overage: 'DENY' as const }));
  }

  nameOf(license: ModelLicense, windowStart: number): string {
    return `${this.#place(license)} ${new Date(windowStart).toISOString()}`;
  }

  /** What an operation comes to that asks for so many units. */
  outcome(asker: string | undefined, units: number): Outcome {
    const reach = this.#reach(asker);
    if (reach.length === 0) return 'NO_ACTIVE_LICENSE';
    if (!reach.some(({ feature }) => feature.enabled)) return 'FEATURE_NOT_LICENSED';
    return units <= this.left(asker) ? 'granted' : 'QUOTA_EXCEEDED';
  }

  /** The units left; endless past a limit that may be overdrawn. */
  left(asker: string | undefined): number {
    const counters = this.counters(asker);
    if (counters.some(({ overage }) => overage !== 'DENY')) return Number.POSITIVE_INFINITY;
    return counters.reduce((sum, counter) => sum + this.#leftOf(counter), 0);
  }

  #leftOf({ name, limit }: Counter): number {
    return limit === null ? Number.POSITIVE_INFINITY : Math.max(0, limit - (this.used.get(name) ?? 0));
  }

  /** Draws, if it is granted whole. */
  charge(asker: string | undefined, units: number): Outcome {
    const outcome = this.outcome(asker, units);
    if (outcome !== 'granted') return outcome;
    const counters = this.counters(asker);
    const draws = new Map<string, number>();
    let missing = units;
    for (const counter of counters) {
      const taken = Math.min(missing, this.#leftOf(counter));
      if (taken > 0) draws.set(counter.name, taken);
      missing -= taken;
    }
    const past = counters.findLast(({ overage }) => overage !== 'DENY');
    if (missing > 0 && past !== undefined) draws.set(past.name, (draws.get(past.name) ?? 0) + missing);
    for (const counter of counters) this.#advance(counter, draws.get(counter.name) ?? 0);
    this.grants.push({
      draws: [...draws].map(([name, taken]) => ({ name, units: taken, resets: this.#resets.get(name) ?? 0 })),
      isReturned: false,
    });
    return outcome;
  }

  #advance({ name, limit }: Counter, units: number): void {
    if (units === 0) return;
    const used = (this.used.get(name) ?? 0) + units;
    this.used.set(name, used);
    if (limit === null || limit === 0) return;
    const before = this.#told.get(name) ?? 0;
    const reached = PERCENTS.filter((percent) => percent > before && used * 100 >= limit * percent);
    this.told += reached.length;
    this.#told.set(name, Math.max(before, ...reached));
  }

  /** Gives a grant back; what was drawn before a reset is gone. Answers the units that came back. */
  giveBack(grant: ModelGrant): number {
    if (grant.isReturned) return 0;
    grant.isReturned = true;
    let units = 0;
    for (const draw of grant.draws) {
      if (draw.resets !== (this.#resets.get(draw.name) ?? 0)) continue;
      this.used.set(draw.name, (this.used.get(draw.name) ?? 0) - draw.units);
      units += draw.units;
    }
    return units;
  }

  reset(license: ModelLicense): void {
    const { name } = this.#own(license);
    if (!this.used.has(name)) return;
    this.used.set(name, 0);
    this.#told.set(name, 0);
    this.#resets.set(name, (this.#resets.get(name) ?? 0) + 1);
  }

  /** The counters that say more than 0. */
  get standing(): Record<string, number> {
    return Object.fromEntries([...this.used].filter(([, used]) => used > 0).toSorted());
  }
}
