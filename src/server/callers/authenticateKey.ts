import { apiKeyActor, apiKeyInvalid, apiKeyRefusal, isApiKey } from '../../access/model/apiKeys.js';
import { findApiKey } from '../../access/queries/apiKeys.js';
import { findInDirectory } from '../../access/queries.js';
import type { ApiKey } from '../../access/table.js';
import type { UserActor } from '../../core/actor.js';
import type { Machinery } from '../operation/operation.js';
import type { Arrival } from './authenticate.js';

async function keyBySecret({ pool, keys }: Machinery, secret: string): Promise<ApiKey | undefined> {
  const hashes = keys.hashes('API_KEY', secret);
  const session = await pool.begin('read');
  try {
    const found = await findInDirectory(session.db, 'API_KEY', hashes);
    if (found === undefined) return undefined;
    session.setTenant(found.tenantId);
    return await findApiKey(session.db, found.tenantId, found.subjectId, hashes);
  } finally {
    await session.rollback();
  }
}

/**
 * Keys are looked up with every request and kept nowhere: what is revoked is refused from the next one on. Whoever
 * comes with a key that is over has proven whose it was: that is written into its tenant's trail. One that nobody made
 * counts as a try of its address.
 */
export async function authenticateKey(
  machinery: Machinery,
  secret: string,
  { requestId, address }: Arrival,
): Promise<UserActor> {
  const key = isApiKey(secret) ? await keyBySecret(machinery, secret) : undefined;
  if (key === undefined) {
    machinery.guesses.note(address, undefined);
    await machinery.limits.countAddress(address, 1);
    throw apiKeyInvalid();
  }
  const now = machinery.clock();
  const actor = apiKeyActor(key);
  const refusal = apiKeyRefusal(key, now);
  if (refusal !== undefined) {
    machinery.security.note({ actor, refusal, field: 'Authorization', requestId });
    throw refusal;
  }
  machinery.keyUses.note(key, now);
  return actor;
}
