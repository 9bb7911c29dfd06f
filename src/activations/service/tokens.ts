import { and, eq, sql } from 'drizzle-orm';
import { keyDirectory } from '../../access/table.js';
import { newToken } from '../../core/crypto.js';
import type { LicenseId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import type { Work } from '../../core/work.js';
import { lockLicense } from '../../licenses/queries.js';
import { earlierTokenEnd, MOST_EARLIER_TOKENS } from '../model/activation.js';
import { activationShown, type ServingToken, tokensServing } from '../queries/tokens.js';
import { lockActivation } from '../queries.js';
import { type Activation, earlierTokens as earlier } from '../table.js';

const TOKEN_PREFIX = 'act';

export async function newActivationToken(
  work: Work,
  licenseId: LicenseId,
): Promise<{ token: string; hash: string }> {
  const token = newToken(TOKEN_PREFIX);
  const hash = work.keys.hash('ACTIVATION_TOKEN', token);
  await work.db
    .insert(keyDirectory)
    .values({ hash, kind: 'ACTIVATION_TOKEN', tenantId: work.tenantId, subjectId: licenseId });
  return { token, hash };
}

/** Ends tokens at once; the sweeper clears the rows away. */
export async function endTokens(work: Work, hashes: readonly string[]): Promise<void> {
  if (hashes.length === 0) return;
  await work.db
    .update(earlier)
    .set({ endsAt: work.now })
    .where(and(eq(earlier.tenantId, work.tenantId), anyOf(earlier.tokenHash, hashes)));
  await work.db
    .delete(keyDirectory)
    .where(and(eq(keyDirectory.tenantId, work.tenantId), anyOf(keyDirectory.hash, hashes)));
}

/**
 * The current token of a device is about to be replaced, and serves on beside the new one. Of many that were never used
 * the oldest stays, which the device has used if it used any, and the newest.
 */
export async function keepToken(work: Work, { id, activationTokenHash }: Activation): Promise<void> {
  const place = sql`(select coalesce(max(known.place), 0) + 1 from ${earlier} as known
    where known.tenant_id = ${work.tenantId} and known.activation_id = ${id})`;
  await work.db.insert(earlier).values({
    tenantId: work.tenantId,
    tokenHash: activationTokenHash,
    activationId: id,
    place,
    endsAt: earlierTokenEnd(work.now),
  });
  const serving = await tokensServing(work, [id]);
  const surplus = serving.slice(1, 1 + Math.max(0, serving.length - MOST_EARLIER_TOKENS));
  await endTokens(work, hashesOf(surplus));
}

export function hashesOf(tokens: readonly ServingToken[]): string[] {
  return tokens.map(({ tokenHash }) => tokenHash);
}

/** Of the tokens that still serve, those that end with the use of this one: all that were given before it. */
export function endedBy(serving: readonly ServingToken[], used: string): ServingToken[] {
  const place = serving.find(({ tokenHash }) => tokenHash === used)?.place;
  return serving.filter((token) => place === undefined || token.place < place);
}

/** A token was used, in an act that holds the locks of the license and of the activation. */
export async function endTokensBefore(work: Work, { id }: Activation, token: string): Promise<void> {
  const hashes = work.keys.hashes('ACTIVATION_TOKEN', token);
  const serving = await tokensServing(work, [id]);
  const used = serving.find(({ tokenHash }) => hashes.includes(tokenHash))?.tokenHash ?? '';
  await endTokens(work, hashesOf(endedBy(serving, used)));
}

/**
 * A token was used behind an answer: those before it end. Writes no event: it follows from the use. The license is locked first, as by
 * every act on its activations: a heartbeat with the same token takes the rest in another order.
 */
export async function retireEarlierTokens(work: Work, licenseId: LicenseId, token: string): Promise<void> {
  await lockLicense(work, licenseId);
  const shown = await activationShown(work, licenseId, token);
  if (shown?.endsOthers !== true) return;
  await lockActivation(work, shown.activation.id);
  await endTokensBefore(work, shown.activation, token);
}
