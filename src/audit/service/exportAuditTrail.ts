import { requireWholeTenant } from '../../access/service.js';
import { mayAct } from '../../core/actor.js';
import type { Reading } from '../../core/work.js';
import type { ChainEnd, TrailEntry } from '../model/chain.js';
import {
  beginningOf,
  checkpointsWithin,
  type Head,
  sealNumbered,
  trailHead,
} from '../queries/checkpoints.js';
import { lastSeal, trailEntries } from '../queries/trail.js';

/** How many events one page of an export holds. */
export const EVENTS_A_PAGE = 5000;

export interface ExportQuestion {
  readonly from: number;
  readonly first: number;
}

export interface TrailExport {
  readonly content: string;
  readonly count: number;
  readonly continuesAt: number | null;
}

/** Without the permission a hash is all that is told of people: the salt would let anybody try values. */
function entryLine({ personal, ...entry }: TrailEntry, showsPersonal: boolean): object {
  return { kind: 'entry', ...entry, ...(showsPersonal && personal !== null ? { personal } : {}) };
}

/** A seal that is not there any more leaves its place: whoever verifies finds it empty. */
async function startOf({ db, tenantId }: Reading, head: Head | undefined, from: number): Promise<ChainEnd> {
  const beginning = beginningOf(head, tenantId);
  if (from <= beginning.sequence + 1) return beginning;
  const sequence = Math.min(from - 1, await lastSeal(db, tenantId));
  if (sequence <= beginning.sequence) return beginning;
  return (await sealNumbered(db, tenantId, sequence)) ?? { sequence, hash: '' };
}

/**
 * A page of the trail as JSON lines, from which it can be verified without us: where the page begins, the checkpoints of
 * its part, its entries, and behind the last one that this was all. Pages that follow each other make one export.
 */
export async function exportAuditTrail(
  reading: Reading,
  { from, first }: ExportQuestion,
): Promise<TrailExport> {
  requireWholeTenant(reading, 'audit.export');
  const { db, tenantId, actor } = reading;
  const head = await trailHead(db, tenantId);
  const start = await startOf(reading, head, from);
  const range = { after: start.sequence, to: Number.MAX_SAFE_INTEGER, limit: first + 1 };
  const found = await trailEntries(db, tenantId, range);
  const entries = found.slice(0, first);
  const isLast = found.length === entries.length;
  const to = entries.at(-1)?.sequence ?? start.sequence;
  const checkpoints = await checkpointsWithin(
    db,
    tenantId,
    start.sequence,
    isLast ? Number.MAX_SAFE_INTEGER : to,
  );
  const isBehindBoundary = start.sequence > 0 && start.sequence === head?.keptAfter;
  const boundary = isBehindBoundary ? { boundary: head.boundaryToken } : {};
  const showsPersonal = mayAct(actor, 'event.read_personal');
  const lines = [
    { kind: 'trail', version: 1, tenantId, after: start.sequence, afterHash: start.hash, ...boundary },
    ...checkpoints
      .toReversed()
      .map(({ sequence, hash, token }) => ({ kind: 'checkpoint', sequence, hash, token })),
    ...entries.map((entry) => entryLine(entry, showsPersonal)),
    ...(isLast ? [{ kind: 'end', sequence: to, hash: entries.at(-1)?.hash ?? start.hash }] : []),
  ];
  return {
    content: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    count: entries.length,
    continuesAt: isLast ? null : to + 1,
  };
}
