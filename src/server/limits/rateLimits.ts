import { type SQL, sql } from 'drizzle-orm';
import ipaddr from 'ipaddr.js';
import { type Clock, type Instant, instant, millis } from '../../core/clock.js';
import { Coalescer } from '../../core/coalesce.js';
import type { KeyRing } from '../../core/crypto.js';
import { committed, type Db, type Pool } from '../../core/db.js';
import type { LicenseId } from '../../core/id.js';
import { groupBy } from '../../core/keyset.js';
import { Refusal, type RefusalSubject } from '../../core/refusal.js';
import { rateLimits } from '../table.js';

export const RATE_WINDOW_MILLIS = 60_000;

/**
 * How much may be asked a minute; 0 is no limit. A thousand devices behind one address that send a heartbeat every
 * 300 s, a third of the default lease, and validate as often, ask 400 root fields a minute; 1,200 leaves room for the
 * hour in which all of them start. A license of ten thousand devices asks 4,000 in the same way, against 6,000.
 */
export interface RateRules {
  readonly address: number;
  readonly license: number;
  /** Webhooks with a wrong signature. */
  readonly forged: number;
}

interface Tools {
  readonly pool: Pool;
  readonly keys: KeyRing;
  readonly clock: Clock;
}

/** Somebody who waits to be counted. */
interface Ask {
  readonly bucket: string;
  readonly units: number;
  readonly limit: number;
}

/** After how many milliseconds to come again; nothing when admitted. */
interface Verdict {
  readonly waitMillis: number | undefined;
}

/** What a bucket was asked in this window and the one before. */
interface Count {
  readonly hits: number;
  readonly before: number;
}

/** A home or an office has 2^64 addresses of IPv6: whoever holds a /64 is one caller. IPv4 within IPv6 is IPv4. */
export function networkOf(address: string): string {
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  const [first = 0, second = 0, third = 0, fourth = 0] = parsed.parts;
  return [first, second, third, fourth].map((part) => part.toString(16)).join(':');
}

/** What is left of the window before weighs on: at no moment is more admitted than in one window. */
function weightOf(before: number, elapsed: number): number {
  return Math.ceil((before * (RATE_WINDOW_MILLIS - elapsed)) / RATE_WINDOW_MILLIS);
}

/** When so many units will fit again, if nobody else asks. */
function waitFor({ units, limit }: Ask, { hits, before }: Count, elapsed: number): number {
  const spare = limit - hits - units;
  if (spare >= 0 && before > 0) return Math.ceil(RATE_WINDOW_MILLIS * (1 - spare / before)) - elapsed;
  const next = hits === 0 ? 0 : Math.max(0, 1 - (limit - units) / hits);
  return RATE_WINDOW_MILLIS - elapsed + Math.ceil(RATE_WINDOW_MILLIS * Math.min(1, next));
}

function sumOf(asks: readonly Ask[]): number {
  return asks.reduce((sum, { units }) => sum + units, 0);
}

/** Two lists as the rows of a table, in the order of the buckets: two servers lock them in the same one. */
export function rowsOf(counts: ReadonlyMap<string, number>): SQL {
  const names = [...counts.keys()].toSorted();
  const units = names.map((name) => String(counts.get(name) ?? 0));
  return sql`unnest(${sql.param(names)}::text[], ${sql.param(units)}::text[]::int[]) as asked (bucket, units)`;
}

/** Adds to each bucket's count of this window, and answers it with the one before; the rows stay locked. */
async function add(db: Db, window: Instant, sums: ReadonlyMap<string, number>): Promise<Map<string, Count>> {
  const previous = instant(millis(window) - RATE_WINDOW_MILLIS);
  const rows = await db.execute<{ bucket: string; hits: number; before: number }>(sql`
    insert into ${rateLimits} as counted (bucket, window_start, hits)
    select bucket, ${window}::timestamptz, units from ${rowsOf(sums)} order by bucket
    on conflict (bucket, window_start) do update set hits = counted.hits + excluded.hits
    returning bucket, hits, coalesce((
      select known.hits from ${rateLimits} as known
      where known.bucket = counted.bucket and known.window_start = ${previous}::timestamptz
    ), 0) as before`);
  return new Map(rows.map(({ bucket, hits, before }) => [bucket, { hits, before }]));
}

/** What was refused does not count: a caller that asks a little too much gets the limit and not nothing. */
async function giveBack(db: Db, window: Instant, surplus: ReadonlyMap<string, number>): Promise<void> {
  if (surplus.size === 0) return;
  await db.execute(sql`
    update ${rateLimits} set hits = hits - asked.units from ${rowsOf(surplus)}
    where ${rateLimits.bucket} = asked.bucket and ${rateLimits.windowStart} = ${window}::timestamptz`);
}

function tooMany(whose: string, limit: number, waitMillis: number, about: RefusalSubject = {}): Refusal {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMillis / 1000));
  const message = `Too many requests ${whose}; at most ${limit} root fields a minute. Try again in ${retryAfterSeconds} s.`;
  return new Refusal('RATE_LIMITED', message, { retryAfterSeconds }, about);
}

/**
 * Counts callers without a bearer token, by address before their operation runs and by license once their key or token
 * has led to one. The counters stand in the database, shared by all servers: of whatever number of callers, on whatever
 * number of servers, never more than the limit is admitted in one window. While one statement is on its way the next
 * callers gather, and one statement counts them all. If the database cannot count, nobody is admitted.
 */
export class RateLimits {
  readonly #counting = new Coalescer<Ask, Verdict>((asks) => this.#decide(asks));

  constructor(
    private readonly tools: Tools,
    private readonly rules: RateRules,
  ) {}

  /** Every address that is unknown, because a proxy hands on none, is the same one. */
  async countAddress(address: string | undefined, units: number): Promise<void> {
    if (this.rules.address === 0) return;
    // An address is personal data: what is stored cannot be told from it without the pepper.
    const network = this.tools.keys.hash('ADDRESS', address === undefined ? '' : networkOf(address));
    const refused = await this.#count(`address:${network}`, units, this.rules.address);
    if (refused !== undefined) throw tooMany('from this address', this.rules.address, refused);
  }

  async countLicense(licenseId: LicenseId, units: number): Promise<void> {
    if (this.rules.license === 0) return;
    const refused = await this.#count(`license:${licenseId}`, units, this.rules.license);
    if (refused !== undefined) throw tooMany('for this license', this.rules.license, refused, { licenseId });
  }

  /** Only what is wrong is counted: whoever sends what is right is not shut out by what others send. */
  async countForged(address: string | undefined): Promise<void> {
    const { forged } = this.rules;
    if (forged === 0) return;
    const network = this.tools.keys.hash('ADDRESS', address === undefined ? '' : networkOf(address));
    const waitMillis = await this.#count(`forged:${network}`, 1, forged);
    if (waitMillis === undefined) return;
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMillis / 1000));
    const message = `Too many webhooks with a wrong signature; at most ${forged} a minute. Try again in ${retryAfterSeconds} s.`;
    throw new Refusal('RATE_LIMITED', message, { retryAfterSeconds });
  }

  /** Answers after how many milliseconds to come again, or nothing when admitted. */
  async #count(bucket: string, units: number, limit: number): Promise<number | undefined> {
    const { waitMillis } = await this.#counting.ask({ bucket, units, limit });
    return waitMillis;
  }

  async #decide(asks: readonly Ask[]): Promise<Verdict[]> {
    const now = millis(this.tools.clock());
    const elapsed = now % RATE_WINDOW_MILLIS;
    const window = instant(now - elapsed);
    const groups = groupBy(asks, ({ bucket }) => bucket);
    const sums = new Map([...groups].map(([bucket, group]) => [bucket, sumOf(group)]));
    const verdicts = new Map<Ask, Verdict>();
    const session = await this.tools.pool.beginApart();
    await committed(session, async () => {
      const counts = await add(session.db, window, sums);
      const surplus = new Map<string, number>();
      for (const [bucket, group] of groups) {
        const { hits, before } = counts.get(bucket) ?? { hits: 0, before: 0 };
        const refused = admitted(group, { hits: hits - sumOf(group), before }, elapsed, verdicts);
        if (refused > 0) surplus.set(bucket, refused);
      }
      await giveBack(session.db, window, surplus);
    });
    return asks.flatMap((ask) => verdicts.get(ask) ?? []);
  }
}

/** Admits those that fit, in their order, and tells how many units did not. */
function admitted(group: readonly Ask[], known: Count, elapsed: number, verdicts: Map<Ask, Verdict>): number {
  const { before } = known;
  let { hits } = known;
  let refused = 0;
  for (const ask of group) {
    const fits = hits + ask.units + weightOf(before, elapsed) <= ask.limit;
    const wait = fits ? undefined : waitFor(ask, { hits, before }, elapsed);
    if (fits) hits += ask.units;
    else refused += ask.units;
    verdicts.set(ask, { waitMillis: wait });
  }
  return refused;
}
