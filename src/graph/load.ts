import DataLoader from 'dataloader';
import type { Reading } from '../core/work.js';
import { type Pace, soon } from './pace.js';

/** Finds many at once: at most one row a key, missing keys left out. Lives in a domain's queries.ts. */
export type Batch<Value, Arguments = undefined> = (
  reading: Reading,
  keys: readonly string[],
  args: Arguments,
) => Promise<ReadonlyMap<string, Value>>;

/** How much there is to select from. */
function rowsIn(value: unknown): number {
  const rows = typeof value === 'object' && value !== null && 'rows' in value ? value.rows : undefined;
  return Array.isArray(rows) ? Math.max(rows.length, 1) : 1;
}

/** The loaders of one operation. A batch function together with its arguments is a loader's identity. */
export class Loaders {
  #byBatch: Map<unknown, Map<string, DataLoader<string, unknown>>> | undefined;

  constructor(
    private readonly reading: () => Promise<Reading>,
    /** Of an operation that costs much. */
    private readonly pace: () => Pace | undefined = () => undefined,
  ) {}

  async load<Value, Arguments>(
    batch: Batch<Value, Arguments>,
    key: string,
    args: Arguments,
  ): Promise<Value | null> {
    const loader = this.#loaderOf(batch, args);
    const value = (await loader.load(key)) as Value | null;
    await this.pace()?.turn(rowsIn(value));
    return value;
  }

  /** Forgets what was read: after a mutation the same question has another answer. */
  clear(): void {
    this.#byBatch = undefined;
  }

  #loaderOf<Value, Arguments>(batch: Batch<Value, Arguments>, args: Arguments): DataLoader<string, unknown> {
    this.#byBatch ??= new Map();
    const byArguments = this.#byBatch.get(batch) ?? new Map<string, DataLoader<string, unknown>>();
    this.#byBatch.set(batch, byArguments);
    const name = JSON.stringify(args ?? null);
    const known = byArguments.get(name);
    if (known !== undefined) return known;
    const find = async (keys: readonly string[]): Promise<unknown[]> => {
      const found = await batch(await this.reading(), [...new Set(keys)], args);
      return keys.map((key) => found.get(key) ?? null);
    };
    const batchScheduleFn = (run: () => void): void => {
      const pace = this.pace();
      if (pace === undefined) soon(run);
      else pace.afterwards(run);
    };
    const made = new DataLoader<string, unknown>(find, { batchScheduleFn });
    byArguments.set(name, made);
    return made;
  }
}
