import { mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointRow } from '../table.js';

/** A checkpoint is about 900 bytes; what was written last is read, and not a year of them. */
const END_BYTES = 65_536;
/** Whoever holds a file writes some kilobytes: one that has held it for longer is gone. */
const HELD_MILLIS = 60_000;

function sequenceIn(line: string): number | undefined {
  try {
    const { sequence } = JSON.parse(line) as { sequence?: unknown };
    return typeof sequence === 'number' ? sequence : undefined;
  } catch {
    return undefined;
  }
}

/** The number of the last checkpoint of these lines; -1 if there is none. A line that was cut off is none. */
function lastIn(text: string): number {
  for (const line of text.split('\n').slice(0, -1).toReversed()) {
    const sequence = sequenceIn(line);
    if (sequence !== undefined) return sequence;
  }
  return -1;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

interface End {
  readonly last: number;
  /** Whether a crash has cut its last line off. */
  readonly isCutOff: boolean;
}

async function endOf(path: string): Promise<End> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (file === undefined) return { last: -1, isCutOff: false };
  try {
    const { size } = await file.stat();
    for (let bytes = Math.min(END_BYTES, size); ; bytes = Math.min(bytes * 4, size)) {
      const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, size - bytes);
      const text = buffer.toString('utf8');
      const last = lastIn(text);
      if (last >= 0 || bytes === size) return { last, isCutOff: text !== '' && !text.endsWith('\n') };
    }
  } finally {
    await file.close();
  }
}

/**
 * Hands checkpoints out of the database: one file of JSON lines a tenant, only ever written on to, and on the disk before
 * anybody is told. Whoever has the database has not this folder: it belongs on another machine, or on paper. Several
 * servers may have one folder: a file beside each says who writes it, and what is there by then is not written again.
 */
export class CheckpointFiles {
  readonly #last = new Map<string, number>();

  constructor(private readonly folder: string) {}

  /** The number of the last checkpoint that a tenant's file is known to hold; -1 if there is none. */
  async last(tenantId: string): Promise<number> {
    const known = this.#last.get(tenantId);
    if (known !== undefined) return known;
    const { last } = await endOf(this.#path(tenantId));
    this.#last.set(tenantId, last);
    return last;
  }

  /** Writes what the file does not hold yet, and answers how many; none while another process is at it. */
  async append(tenantId: string, checkpoints: readonly CheckpointRow[]): Promise<number> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const holding = `${this.#path(tenantId)}.writing`;
    if (!(await this.#hold(holding))) return 0;
    try {
      return await this.#write(tenantId, checkpoints);
    } finally {
      await rm(holding, { force: true });
    }
  }

  async #write(tenantId: string, checkpoints: readonly CheckpointRow[]): Promise<number> {
    const { last, isCutOff } = await endOf(this.#path(tenantId));
    const fresh = checkpoints.filter(({ sequence }) => sequence > last);
    const lines = fresh.map(({ sequence, hash, kid, token, createdAt }) =>
      JSON.stringify({ tenantId, sequence, hash, kid, token, createdAt }),
    );
    // A line that a crash cut off ends here, and is no checkpoint.
    if (fresh.length > 0) await this.#writeOn(tenantId, `${isCutOff ? '\n' : ''}${lines.join('\n')}\n`);
    this.#last.set(tenantId, fresh.at(-1)?.sequence ?? last);
    return fresh.length;
  }

  async #writeOn(tenantId: string, text: string): Promise<void> {
    const file = await open(this.#path(tenantId), 'a', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** Only one process makes the file that says who writes; one that is old was left behind by a process that is gone. */
  async #hold(path: string): Promise<boolean> {
    try {
      await (await open(path, 'wx', 0o600)).close();
      return true;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > HELD_MILLIS) await rm(path, { force: true });
    return false;
  }

  #path(tenantId: string): string {
    return join(this.folder, `${tenantId}.jsonl`);
  }
}
