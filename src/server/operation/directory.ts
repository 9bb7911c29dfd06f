import { findManyInDirectory } from '../../access/queries.js';
import type { DirectoryKind } from '../../access/table.js';
import { Coalescer } from '../../core/coalesce.js';
import type { KeyRing } from '../../core/crypto.js';
import type { Pool } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';

/** Where a secret leads, and under which of its hashes it is known there. */
export interface Place {
  readonly tenantId: TenantId;
  readonly subjectId: string;
  readonly hash: string;
}

interface Look {
  readonly kind: DirectoryKind;
  readonly hashes: readonly string[];
}

const NOWHERE = Symbol('nowhere');

/**
 * Looks secrets up for many callers at once: thousands of devices send their tokens, and one statement finds the tenants
 * of all that have come while another was on its way.
 */
export class Directory {
  readonly #lane: Coalescer<Look, Place | typeof NOWHERE>;

  constructor(
    pool: Pool,
    private readonly keys: KeyRing,
  ) {
    this.#lane = new Coalescer((looks) => lookUp(pool, looks));
  }

  async find(kind: DirectoryKind, secret: string): Promise<Place | undefined> {
    const found = await this.#lane.ask({ kind, hashes: this.keys.hashes(kind, secret) });
    return found === NOWHERE ? undefined : found;
  }
}

async function lookUp(pool: Pool, looks: readonly Look[]): Promise<(Place | typeof NOWHERE)[]> {
  const rows = await findManyInDirectory(pool.db, [...new Set(looks.flatMap(({ hashes }) => hashes))]);
  const known = new Map(rows.map((row) => [row.hash, row]));
  return looks.map(({ kind, hashes }) => {
    const row = hashes.map((hash) => known.get(hash)).find((each) => each?.kind === kind);
    return row === undefined ? NOWHERE : row;
  });
}
