import { sql } from 'drizzle-orm';
import { type Instant, instant, millis } from '../../core/clock.js';
import { Coalescer } from '../../core/coalesce.js';
import { committed } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
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

type Parts = Pick<Machinery, 'pool' | 'keys' | 'clock' | 'log' | 'drain'>;

const bucketOf = ({ tenantId, network }: Miss): string => `missed:${tenantId ?? ''}:${network}`;

/**
 * Adds up secrets that led nowhere by the address that showed them, over all servers: license keys, activation tokens, API
 * keys, emergency and offline codes. Nobody waits for it, so that a wrong secret is answered as soon as a right one. Who has
 * just reached the number is told of once a window, by the server whose count it was.
 */
export class Guesses {
  readonly #counting = new Coalescer<Miss, number>((misses) => this.#count(misses));

  constructor(
    private readonly parts: () => Parts,
    private readonly most: number,
    private readonly tell: (guesser: Guesser) => Promise<void>,
  ) {}

  note(address: string | undefined, tenantId: TenantId | undefined): void {
    if (this.most === 0) return;
    const { keys, drain } = this.parts();
    const network = keys.hash('ADDRESS', address === undefined ? '' : networkOf(address));
    void drain.track(this.#add({ tenantId, network }));
  }

  async #add(miss: Miss): Promise<void> {
    const { clock, log } = this.parts();
    const since = this.#window(clock());
    try {
      const misses = await this.#counting.ask(miss);
      if (misses === this.most) await this.tell({ ...miss, misses, since });
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
