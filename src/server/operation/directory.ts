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

/** Twice as long as a device rests between two heartbeats under the default lease: most are found where they were before. */
const REMEMBERED_MILLIS = 600_000;
/** About 15 MB. */
const MOST_REMEMBERED = 50_000;

interface Remembered {
  readonly place: Place;
  readonly until: number;
}

/**
 * Looks secrets up for many callers at once: thousands of devices send their tokens, and one statement finds the tenants
 * of all that have come while another was on its way. Where a secret led is remembered by its hash. That is no proof that
 * it still leads there: whoever goes on with it finds out, and looks again.
 */
export class Directory {
  readonly #lane: Coalescer<Look, Place | typeof NOWHERE>;
  /** By the hash under the current pepper, in the order in which they were found. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(
    pool: Pool,
    private readonly keys: KeyRing,
  ) {
    this.#lane = new Coalescer((looks) => lookUp(pool, looks));
  }

  /** Where it leads, or led some minutes ago. */
  async find(kind: DirectoryKind, secret: string): Promise<Place | undefined> {
    const hashes = this.keys.hashes(kind, secret);
    const known = this.#remembered.get(nameOf(hashes));
    if (known !== undefined && known.until > performance.now()) return known.place;
    return this.#look(kind, hashes);
  }

  /** Where it leads now. */
  async findNow(kind: DirectoryKind, secret: string): Promise<Place | undefined> {
    return this.#look(kind, this.keys.hashes(kind, secret));
  }

  async #look(kind: DirectoryKind, hashes: readonly string[]): Promise<Place | undefined> {
    const found = await this.#lane.ask({ kind, hashes });
    // Deleted first, so that it stands behind all others.
    this.#remembered.delete(nameOf(hashes));
    if (found === NOWHERE) return undefined;
    const [oldest] = this.#remembered.size < MOST_REMEMBERED ? [] : this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(nameOf(hashes), { place: found, until: performance.now() + REMEMBERED_MILLIS });
    return found;
  }
}

/** A hash says of which kind its secret is. */
function nameOf([current = '']: readonly string[]): string {
  return current;
}

async function lookUp(pool: Pool, looks: readonly Look[]): Promise<(Place | typeof NOWHERE)[]> {
  const rows = await findManyInDirectory(pool.db, [...new Set(looks.flatMap(({ hashes }) => hashes))]);
  const known = new Map(rows.map((row) => [row.hash, row]));
  return looks.map(({ kind, hashes }) => {
    const row = hashes.map((hash) => known.get(hash)).find((each) => each?.kind === kind);
    return row === undefined ? NOWHERE : row;
  });
}
