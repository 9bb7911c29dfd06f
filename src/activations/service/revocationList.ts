import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { addMillis, DAY_MILLIS, millis } from '../../core/clock.js';
import type { Work } from '../../core/work.js';
import { listedDevice, type RevokedContent } from '../../sdk/offline/revocationList.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { signedClaims } from '../../sdk/offline/signature.js';
import { barredDevices, endedActivations, lockRevocationList, lostLicenses } from '../queries/offline.js';
import { type RevocationList, revocationLists } from '../table.js';

async function revokedContent(work: Work): Promise<RevokedContent> {
  const licenses = await lostLicenses(work);
  const activations = await endedActivations(work);
  const devices = await Promise.all((await barredDevices(work)).map(listedDevice));
  return { licenses, activations, devices: devices.toSorted() };
}

/** The tenant's row, locked: whoever reads what no longer holds behind this lock reads later than all before. */
async function lockedRow(work: Work): Promise<RevocationList> {
  await work.db
    .insert(revocationLists)
    .values({ tenantId: work.tenantId, epoch: 0, contentHash: '', signed: '', signedAt: work.now })
    .onConflictDoNothing();
  const row = await lockRevocationList(work);
  if (row === undefined) throw new Error('the row of the revocation list is gone');
  return row;
}

/** A list is signed anew a while before it is over, and when its key has been retired. */
async function isGood(work: Work, seals: Seals, row: RevocationList, lifeDays: number): Promise<boolean> {
  if (addMillis(row.signedAt, (lifeDays * DAY_MILLIS) / 2) <= work.now) return false;
  return (
    (await signedClaims(row.signed, { keys: await seals.publicKeys() }, ['revocationList'])) !== undefined
  );
}

/**
 * The second in which it is signed: a database that was restored from a copy has forgotten the last epochs, and devices
 * take no list that is older than one they know. Counted on from the last one alone, where a clock is behind or a second
 * sees two lists.
 */
function nextEpoch(work: Work, row: RevocationList): number {
  return Math.max(row.epoch + 1, Math.floor(millis(work.now) / 1000));
}

/**
 * The tenant's signed list of what no longer holds, as of now. Its epoch grows with each list that is signed, which is when
 * its content has changed or half its life is over, and never goes back, however many servers are asked at once.
 */
export async function currentRevocationList(
  work: Work,
  seals: Seals,
  lifeDays: number,
): Promise<RevocationList> {
  const row = await lockedRow(work);
  const content = await revokedContent(work);
  const contentHash = createHash('sha256').update(JSON.stringify(content)).digest('base64url');
  if (contentHash === row.contentHash && (await isGood(work, seals, row, lifeDays))) return row;
  const epoch = nextEpoch(work, row);
  const claims = { tenantId: work.tenantId, epoch, ...content };
  const signed = await seals.sign('revocationList', claims, (lifeDays * DAY_MILLIS) / 1000);
  const next = { epoch, contentHash, signed, signedAt: work.now };
  await work.db.update(revocationLists).set(next).where(eq(revocationLists.tenantId, work.tenantId));
  return { ...row, ...next };
}
