import { Coalescer } from '../core/coalesce.js';
import type { TenantId } from '../core/id.js';
import type { Charged } from '../entitlements/model/ledger.js';
import { type Asked, chargeMany } from '../entitlements/service/chargeMany.js';
import type { OpenWork } from './openWork.js';

/** What was known of the licensee no longer says which counters it draws from: ask for it, and again. */
export const STALE = 'STALE';
export type Granted = readonly Charged[] | typeof STALE;

/**
 * Draws units for queries, on connections of its own: all who ask while a flush of their tenant is in flight are granted by
 * the next one, in one transaction. A process that dies after a commit leaves its grants charged; one that dies before
 * leaves none.
 */
export class Meter {
  readonly #lanes = new Map<TenantId, Coalescer<Asked, Granted>>();

  /** Opens a transaction over one tenant on a connection of the worker's. */
  constructor(private readonly open: (tenantId: TenantId) => Promise<OpenWork>) {}

  async charge(tenantId: TenantId, asked: Asked): Promise<Granted> {
    const lane = this.#laneOf(tenantId);
    try {
      return await lane.ask(asked);
    } finally {
      if (lane.isIdle) this.#lanes.delete(tenantId);
    }
  }

  /** Resolves when every grant that was asked for is answered. */
  async settled(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.settled()));
  }

  #laneOf(tenantId: TenantId): Coalescer<Asked, Granted> {
    const known = this.#lanes.get(tenantId);
    if (known !== undefined) return known;
    const lane = new Coalescer<Asked, Granted>((asked) => this.#flush(tenantId, asked));
    this.#lanes.set(tenantId, lane);
    return lane;
  }

  async #flush(tenantId: TenantId, asked: readonly Asked[]): Promise<Granted[]> {
    const { work, session } = await this.open(tenantId);
    try {
      const answers = await chargeMany(work, asked);
      await session.commit();
      return answers.map((answer) => answer ?? STALE);
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }
}
