import { setImmediate as nextTurn } from 'node:timers/promises';
import { usedLongAgo } from '../../access/model/apiKeys.js';
import { noteUses } from '../../access/service/apiKeys.js';
import type { ApiKey } from '../../access/table.js';
import type { Instant } from '../../core/clock.js';
import { committed, type Pool } from '../../core/db.js';
import type { ApiKeyId, TenantId } from '../../core/id.js';
import { groupBy } from '../../core/keyset.js';
import type { Log } from '../../core/log.js';

interface Use {
  readonly tenantId: TenantId;
  readonly id: ApiKeyId;
  readonly at: Instant;
}

/**
 * Notes when keys were last used, behind the requests: while one flush runs the next uses gather, a key that was noted
 * within a minute is left alone, and what cannot be written is let go.
 */
export class ApiKeyUses {
  #gathered = new Map<ApiKeyId, Use>();
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly log: Log,
  ) {}

  note(key: ApiKey, at: Instant): void {
    const { id, tenantId } = key;
    if (!usedLongAgo(key, at) || this.#gathered.has(id)) return;
    this.#gathered.set(id, { tenantId, id, at });
    this.#flushing ??= this.#flush();
  }

  /** Resolves when everything that was noted is written, or was let go. */
  async drain(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    await nextTurn();
    while (this.#gathered.size > 0) {
      const byTenant = groupBy([...this.#gathered.values()], ({ tenantId }) => tenantId);
      this.#gathered = new Map();
      for (const [tenantId, uses] of byTenant) await this.#write(tenantId, uses);
    }
    this.#flushing = undefined;
  }

  async #write(tenantId: TenantId, uses: readonly Use[]): Promise<void> {
    const [latest] = uses.map(({ at }) => at).toSorted((one, other) => (one < other ? 1 : -1));
    if (latest === undefined) return;
    const ids = uses.map(({ id }) => id);
    try {
      const session = await this.pool.begin('write');
      session.setTenant(tenantId);
      await committed(session, () => noteUses(session.db, tenantId, ids, latest));
    } catch (error) {
      this.log.warn({ err: error }, 'the last uses of API keys were not noted');
    }
  }
}
