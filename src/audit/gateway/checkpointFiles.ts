import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointRow } from '../table.js';

/** The number of the last checkpoint that a tenant's file holds; 0 if there is none. A line that was cut off is none. */
function lastIn(text: string): number {
  const lines = text.split('\n').slice(0, -1);
  for (const line of lines.toReversed()) {
    const sequence = sequenceIn(line);
    if (sequence !== undefined) return sequence;
  }
  return -1;
}

function sequenceIn(line: string): number | undefined {
  try {
    const { sequence } = JSON.parse(line) as { sequence?: unknown };
    return typeof sequence === 'number' ? sequence : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Hands checkpoints out of the database: one file of JSON lines a tenant, only ever written on to, and on the disk before
 * anybody is told. Whoever has the database has not this folder: it belongs on another machine, or on paper.
 */
export class CheckpointFiles {
  readonly #last = new Map<string, number>();

  constructor(private readonly folder: string) {}

  async last(tenantId: string): Promise<number> {
    const known = this.#last.get(tenantId);
    if (known !== undefined) return known;
    const text = await readFile(this.#path(tenantId), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const last = lastIn(text);
    this.#last.set(tenantId, last);
    return last;
  }

  async append(tenantId: string, checkpoints: readonly CheckpointRow[]): Promise<void> {
    const lines = checkpoints.map(({ sequence, hash, kid, token, createdAt }) =>
      JSON.stringify({ tenantId, sequence, hash, kid, token, createdAt }),
    );
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    // A line that a crash cut off ends here, and is no checkpoint.
    const cutOff = await this.#isCutOff(tenantId);
    const file = await open(this.#path(tenantId), 'a', 0o600);
    try {
      await file.write(`${cutOff ? '\n' : ''}${lines.join('\n')}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#last.set(tenantId, checkpoints.at(-1)?.sequence ?? -1);
  }

  async #isCutOff(tenantId: string): Promise<boolean> {
    const text = await readFile(this.#path(tenantId), 'utf8').catch(() => '');
    return text !== '' && !text.endsWith('\n');
  }

  #path(tenantId: string): string {
    return join(this.folder, `${tenantId}.jsonl`);
  }
}
