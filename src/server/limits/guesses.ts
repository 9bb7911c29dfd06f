import { sql } from 'drizzle-orm';
import { type Instant, instant, millis } from '../../core/clock.js';
import { Coalescer } from '../../core/coalesce.js';
import { committed } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import type { Machinery } from '../operation/operation.js';
import { rateLimits } from '../table.js';
import { networkOf, rowsOf } from './rateLimits.js';

/** In how long the misses of an address are added up; the sweep of the windows leaves one of this length alone. */
export const MISS_WINDOW_MILLIS = 600_000;

/** Somebody who showed secrets that lead nowhere, as often as is taken note of. */
export interface Guesser {
  /** Of a signed-in caller, or an application that showed a key before; undefined is nobody. */
  readonly tenantId: TenantId | undefined;
  /** The address as a keyed hash: it is personal data. */
  readonly network: string;
  readonly misses: number;
  readonly since: Instant;
}

interface Miss {
  readonly tenantId: TenantId | undefined;
  readonly network: string;
}

/** From how many misses in a window on one is told of, and a caller who is known refused; 0 is never. */
export interface GuessRules {
  readonly told: number;
  readonly refused: number;
}

/** Callers that are refused at a time: no crowd of them takes the memory. */
const MOST_BARRED = 10_000;

function tooManyMisses(most: number, waitMillis: number): Refusal {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMillis / 1000));
  const message = `Too many keys, tokens and codes were shown that lead nowhere; at most ${most} in ten minutes. Try again in ${retryAfterSeconds} s.`;
  return new Refusal('RATE_LIMITED', message, { retryAfterSeconds });
}

type Parts = Pick<Machinery, 'pool' | 'keys' | 'clock' | 'log' | 'drain'>;

const bucketOf = ({ tenantId, network }: Miss): string => `missed:${tenantId ?? ''}:${network}`;

/**
 * Adds up secrets that led nowhere by the address that showed them, over all servers: license keys, activation tokens, API
 * keys, emergency and offline codes. Nobody waits for it, so that a wrong secret is answered as soon as a right one. Who has
 * just reached the number is told of once a window, by the server whose count it was.
 */
export class Guesses {
  /** Who is refused, until when. Every server finds it out by itself, from the count that all share. */
  readonly #barred = new Map<string, number>();
  readonly #counting = new Coalescer<Miss, number>((misses) => this.#count(misses));

  constructor(
    private readonly parts: () => Parts,
    private readonly rules: GuessRules,
    private readonly tell: (guesser: Guesser) => Promise<void>,
  ) {}

  note(address: string | undefined, tenantId: TenantId | undefined): void {
    if (this.rules.told === 0 && this.rules.refused === 0) return;
    void this.parts().drain.track(this.#add(this.#missOf(address, tenantId)));
  }

  /**
   * Refuses whoever is known by a tenant and has shown too much that leads nowhere, right or wrong whatever it shows next.
   * Of callers without a token each try is counted; behind one address of theirs may be many devices, of which one is lost.
   */
  requireFew(address: string | undefined, tenantId: TenantId | undefined): void {
    if (this.#barred.size === 0 || tenantId === undefined) return;
    const now = millis(this.parts().clock());
    const until = this.#barred.get(bucketOf(this.#missOf(address, tenantId))) ?? 0;
    if (now < until && now >= until - MISS_WINDOW_MILLIS)
      throw tooManyMisses(this.rules.refused, until - now);
  }

  #missOf(address: string | undefined, tenantId: TenantId | undefined): Miss {
    const network = this.parts().keys.hash('ADDRESS', address === undefined ? '' : networkOf(address));
    return { tenantId, network };
  }

  #bar(miss: Miss, since: Instant): void {
    const now = millis(this.parts().clock());
    for (const [bucket, until] of this.#barred) if (until <= now) this.#barred.delete(bucket);
    if (this.#barred.size < MOST_BARRED) this.#barred.set(bucketOf(miss), millis(since) + MISS_WINDOW_MILLIS);
  }

  async #add(miss: Miss): Promise<void> {
    const { clock, log } = this.parts();
    const since = this.#window(clock());
    try {
      const misses = await this.#counting.ask(miss);
      const { told, refused } = this.rules;
      if (refused > 0 && misses >= refused && miss.tenantId !== undefined) this.#bar(miss, since);
      if (misses === told) await this.tell({ ...miss, misses, since });
    } catch (error) {
      log.error({ err: error }, 'a secret that led nowhere could not be counted');
    }
  }

  #window(now: Instant): Instant {
    return instant(millis(now) - (millis(now) % MISS_WINDOW_MILLIS));
  }

  /** Each is answered the number that it was: one of them, on one of the servers, was the one that made it too many. */
  async #count(misses: readonly Miss[]): Promise<number[]> {
    const { pool, clock } = this.parts();
    const sums = new Map<string, number>();
    for (const miss of misses) sums.set(bucketOf(miss), (sums.get(bucketOf(miss)) ?? 0) + 1);
    const session = await pool.beginApart();
    const rows = await committed(session, async () =>
      session.db.execute<{ bucket: string; hits: number }>(sql`
        insert into ${rateLimits} as counted (bucket, window_start, hits)
        select bucket, ${this.#window(clock())}::timestamptz, units from ${rowsOf(sums)} order by bucket
        on conflict (bucket, window_start) do update set hits = counted.hits + excluded.hits
        returning bucket, hits`),
    );
    const next = new Map(rows.map(({ bucket, hits }) => [bucket, hits - (sums.get(bucket) ?? 0)]));
    return misses.map((miss) => {
      const number = (next.get(bucketOf(miss)) ?? 0) + 1;
      next.set(bucketOf(miss), number);
      return number;
    });
  }
}
