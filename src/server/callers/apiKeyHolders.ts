import type postgres from 'postgres';
import { revokedAmong } from '../../access/queries/apiKeys.js';
import { connect, type Pool } from '../../core/db.js';
import type { NewEvent } from '../../core/event.js';
import type { ApiKeyId, TenantId } from '../../core/id.js';
import type { Log } from '../../core/log.js';

/** Says, with the id of a key, that it was revoked; sent with the commit of the act. */
export const API_KEY_REVOKED = 'lg_api_key_revoked';

/**
 * Without a word from anybody the keys that something is open for are asked about all the same: a revocation that
 * nobody was told of is found within this time and one look.
 */
export const REVOKED_POLL_MILLIS = 5000;

interface Holders {
  readonly tenantId: TenantId;
  readonly ends: Set<() => void>;
}

/**
 * What is open for API keys in this process, to be closed when they are revoked: here, with the act itself; by another
 * server, at its word or at the next look.
 */
export class ApiKeyHolders {
  readonly #held = new Map<ApiKeyId, Holders>();
  #sql: postgres.Sql | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(
    private readonly pool: Pool,
    private readonly log: Log,
  ) {}

  /** How many keys hold something open. */
  get keys(): number {
    return this.#held.size;
  }

  /** Remembers how to end something that a key opened; answers how to forget it. */
  hold(tenantId: TenantId, id: ApiKeyId, end: () => void): () => void {
    const holders = this.#held.get(id) ?? { tenantId, ends: new Set() };
    this.#held.set(id, holders);
    holders.ends.add(end);
    return () => {
      holders.ends.delete(end);
      if (holders.ends.size === 0 && this.#held.get(id) === holders) this.#held.delete(id);
    };
  }

  /** What this process has committed. */
  hear(events: readonly NewEvent[]): void {
    for (const { type, subjectId } of events) if (type === 'api_key.revoked') this.#end(subjectId);
  }

  /** Listens for the other servers, and looks for what was said while nobody heard it. */
  async start(url: string): Promise<void> {
    this.#sql = connect(url, { max: 1 });
    this.#timer = setInterval(() => void this.look(), REVOKED_POLL_MILLIS).unref();
    await this.#sql.listen(API_KEY_REVOKED, (id) => this.#end(id));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sql?.end({ timeout: 2 });
  }

  /** Asks about every key that something is open for. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const [tenantId, ids] of this.#byTenant()) await this.#lookIn(tenantId, ids);
    } catch (error) {
      this.log.warn({ err: error }, 'API keys that are in use could not be asked about');
    } finally {
      this.#looking = false;
    }
  }

  #byTenant(): ReadonlyMap<TenantId, ApiKeyId[]> {
    const byTenant = new Map<TenantId, ApiKeyId[]>();
    for (const [id, { tenantId }] of this.#held) {
      const ids = byTenant.get(tenantId);
      if (ids === undefined) byTenant.set(tenantId, [id]);
      else ids.push(id);
    }
    return byTenant;
  }

  async #lookIn(tenantId: TenantId, ids: readonly ApiKeyId[]): Promise<void> {
    const session = await this.pool.begin('read');
    session.setTenant(tenantId);
    const revoked = await revokedAmong(session.db, tenantId, ids).finally(session.rollback);
    for (const id of revoked) this.#end(id);
  }

  #end(id: string): void {
    const holders = this.#held.get(id as ApiKeyId);
    this.#held.delete(id as ApiKeyId);
    for (const end of holders?.ends ?? []) end();
  }
}
