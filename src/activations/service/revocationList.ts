import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { addMillis, DAY_MILLIS } from '../../core/clock.js';
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
 * The tenant's signed list of what no longer holds, as of now. Its epoch grows whenever its content has changed, and never
 * goes back, however many servers are asked at once.
 */
export async function currentRevocationList(
  work: Work,
  seals: Seals,
  lifeDays: number,
): Promise<RevocationList> {
  const row = await lockedRow(work);
  const content = await revokedContent(work);
  const contentHash = createHash('sha256').update(JSON.stringify(content)).digest('base64url');
  const isSame = contentHash === row.contentHash;
  if (isSame && (await isGood(work, seals, row, lifeDays))) return row;
  const epoch = isSame ? row.epoch : row.epoch + 1;
  const claims = { tenantId: work.tenantId, epoch, ...content };
  const signed = await seals.sign('revocationList', claims, (lifeDays * DAY_MILLIS) / 1000);
  const next = { epoch, contentHash, signed, signedAt: work.now };
  await work.db.update(revocationLists).set(next).where(eq(revocationLists.tenantId, work.tenantId));
  return { ...row, ...next };
}
