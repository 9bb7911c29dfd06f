import { requireWholeTenant } from '../../access/service.js';
import { newId } from '../../core/id.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Sign } from '../../core/tokenTypes.js';
import type { Reading, Work } from '../../core/work.js';
import { type ChainEnd, genesis } from '../model/chain.js';
import { CHECKPOINT, CHECKPOINT_SECONDS, checkpointClaims, kidOf } from '../model/checkpoint.js';
import { checkpointAt, checkpointsPage, trailHead } from '../queries/checkpoints.js';
import type { CreateAuditCheckpointInput } from '../schema/trail.js';
import { auditCheckpoints, type CheckpointRow } from '../table.js';

/**
 * Signs the end of the tenant's chain, once: of many who sign for the same number one writes, and the others have what it
 * wrote. The event carries what was signed out of the database, to whoever listens.
 */
export async function signEnd(
  work: Work,
  { sequence, hash }: ChainEnd,
  sign: Sign,
  reason: string | null = null,
): Promise<CheckpointRow> {
  const known = await checkpointAt(work.db, work.tenantId, sequence);
  if (known !== undefined) return known;
  const token = await sign(
    CHECKPOINT,
    checkpointClaims(work.tenantId, { sequence, hash }),
    CHECKPOINT_SECONDS,
  );
  const [row] = await work.db
    .insert(auditCheckpoints)
    .values({
      tenantId: work.tenantId,
      id: newId<'Checkpoint'>(work.now),
      sequence,
      hash,
      kid: kidOf(token),
      token,
      createdAt: work.now,
    })
    .onConflictDoNothing()
    .returning();
  const written = row ?? (await checkpointAt(work.db, work.tenantId, sequence));
  if (written === undefined) throw new Error('a checkpoint that stands in the way is not there');
  if (row !== undefined) {
    const data = { sequence, hash, token, reason };
    await work.emit({ type: 'audit.checkpointed', subjectId: row.id, data });
  }
  return written;
}

/** Of what is numbered by now; events that were committed a moment ago may come behind it. */
export async function createAuditCheckpoint(
  work: Work,
  { reason }: CreateAuditCheckpointInput,
  sign: Sign,
): Promise<CheckpointRow> {
  requireWholeTenant(work, 'audit.checkpoint');
  const head = (await trailHead(work.db, work.tenantId)) ?? genesis(work.tenantId);
  return signEnd(work, head, sign, reason ?? null);
}

export function listCheckpoints(reading: Reading, page: PageArguments): Promise<Page<CheckpointRow>> {
  requireWholeTenant(reading, 'audit.checkpoint');
  return checkpointsPage(reading, page);
}
