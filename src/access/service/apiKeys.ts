import { and, eq, sql } from 'drizzle-orm';
import { type Scope, scopeOf, subjectOf } from '../../core/actor.js';
import { addMillis, type Instant } from '../../core/clock.js';
import { newToken } from '../../core/crypto.js';
import type { Db } from '../../core/db.js';
import { type ApiKeyId, type CustomerId, newId, type ResellerId, type TenantId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import {
  API_KEY_LIMIT,
  API_KEY_PREFIX,
  apiKeyNotFound,
  apiKeyRefusal,
  apiKeyRevoked,
  endOfMaker,
  keyProblems,
  requireGrantable,
  tooManyApiKeys,
  USE_MILLIS,
  type WantedKey,
} from '../model/apiKeys.js';
import { customerInactive, customerNotFound, resellerInactive, resellerNotFound } from '../model.js';
import { countOpenKeys, lockApiKey, shareOwnKey } from '../queries/apiKeys.js';
import { shareCustomer, shareReseller } from '../queries.js';
import type { CreateApiKeyInput, RevokeApiKeyInput } from '../schema/apiKeys.js';
import { type ApiKey, apiKeys, keyDirectory } from '../table.js';

/** Of those who make keys of one tenant at once each counts after the other. */
const COUNT_LOCK = 'licensegraph api keys';

/** Who is bound to a party makes keys of that party; what else he names answers as what does not exist. */
function boundTo(maker: Scope, input: CreateApiKeyInput): Scope {
  const customerId = input.customerId ?? maker.customerId;
  const resellerId = input.resellerId ?? maker.resellerId;
  if (customerId !== undefined && maker.customerId !== undefined && customerId !== maker.customerId)
    throw customerNotFound(customerId);
  if (resellerId !== undefined && maker.resellerId !== undefined && resellerId !== maker.resellerId)
    throw resellerNotFound(resellerId);
  return {
    ...(customerId === undefined ? {} : { customerId }),
    ...(resellerId === undefined ? {} : { resellerId }),
  };
}

function wantedKey(work: Work, input: CreateApiKeyInput): WantedKey {
  const wanted = {
    roles: input.roles ?? [],
    permissions: input.permissions ?? [],
    scope: boundTo(scopeOf(work.actor), input),
    expiresAt: input.expiresAt ?? endOfMaker(work.actor),
  };
  const problems = keyProblems(wanted, work.actor, work.now);
  if (problems.length > 0) throw invalidInput(problems);
  requireGrantable(wanted, work.actor);
  return wanted;
}

async function requireCustomer(work: Work, id: CustomerId): Promise<void> {
  const customer = await shareCustomer(work, id);
  if (customer === undefined) throw customerNotFound(id);
  if (customer.status === 'INACTIVE') throw customerInactive(id);
}

async function requireReseller(work: Work, id: ResellerId): Promise<void> {
  const reseller = await shareReseller(work, id);
  if (reseller === undefined) throw resellerNotFound(id);
  if (reseller.status === 'INACTIVE') throw resellerInactive(id);
}

/** A key that is being revoked makes no other any more: its revocation waits for this act, or this act for it. */
async function requireOwnKey(work: Work): Promise<void> {
  const id = work.actor.kind === 'service' ? work.actor.apiKeyId : undefined;
  if (id === undefined) return;
  const own = await shareOwnKey(work, id);
  const refusal = own === undefined ? apiKeyRevoked() : apiKeyRefusal(own, work.now);
  if (refusal !== undefined) throw refusal;
}

async function requireRoom(work: Work): Promise<void> {
  await work.db.execute(
    sql`select pg_advisory_xact_lock(hashtext(${COUNT_LOCK}), hashtext(${work.tenantId}))`,
  );
  if ((await countOpenKeys(work)) >= API_KEY_LIMIT) throw tooManyApiKeys();
}

async function insertKey(work: Work, name: string, secret: string, wanted: WantedKey): Promise<ApiKey> {
  const { roles, permissions, scope, expiresAt } = wanted;
  const keyHash = work.keys.hash('API_KEY', secret);
  const id = newId<'ApiKey'>(work.now);
  const [row] = await work.db
    .insert(apiKeys)
    .values({
      tenantId: work.tenantId,
      id,
      name,
      keyHash,
      keyHint: secret.slice(-4),
      roles,
      permissions,
      customerId: scope.customerId ?? null,
      resellerId: scope.resellerId ?? null,
      createdBy: subjectOf(work.actor) ?? '',
      expiresAt,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (row === undefined) throw new Error('an insert returned no row');
  await work.db
    .insert(keyDirectory)
    .values({ hash: keyHash, kind: 'API_KEY', tenantId: work.tenantId, subjectId: id });
  return row;
}

export interface NewApiKey {
  readonly apiKey: ApiKey;
  readonly secret: string;
}

export async function createApiKey(work: Work, input: CreateApiKeyInput): Promise<NewApiKey> {
  const wanted = wantedKey(work, input);
  const { roles, permissions, scope, expiresAt } = wanted;
  await requireOwnKey(work);
  if (scope.customerId !== undefined) await requireCustomer(work, scope.customerId);
  if (scope.resellerId !== undefined) await requireReseller(work, scope.resellerId);
  await requireRoom(work);
  const secret = newToken(API_KEY_PREFIX);
  const apiKey = await insertKey(work, input.name, secret, wanted);
  const data = { roles, permissions, expires_at: expiresAt, ...partiesOf(apiKey) };
  await work.emit({ type: 'api_key.created', subjectId: apiKey.id, data });
  return { apiKey, secret };
}

function partiesOf({ customerId, resellerId }: ApiKey): Record<string, string | null> {
  return { customer_id: customerId, reseller_id: resellerId };
}

/** Doing it twice is the same as doing it once. What the key has made stays. */
export async function revokeApiKey(work: Work, input: RevokeApiKeyInput): Promise<ApiKey> {
  const key = await lockApiKey(work, input.apiKeyId);
  if (key === undefined) throw apiKeyNotFound(input.apiKeyId);
  if (key.revokedAt !== null) return key;
  const [row] = await work.db
    .update(apiKeys)
    .set({ revokedAt: work.now, updatedAt: work.now })
    .where(and(eq(apiKeys.tenantId, work.tenantId), eq(apiKeys.id, key.id)))
    .returning();
  if (row === undefined) throw apiKeyNotFound(input.apiKeyId);
  await work.emit({ type: 'api_key.revoked', subjectId: row.id, data: partiesOf(row) });
  return row;
}

/** No event, and no waiting: a key that somebody holds at the moment is noted at its next use. */
export async function noteUses(
  db: Db,
  tenantId: TenantId,
  ids: readonly ApiKeyId[],
  at: Instant,
): Promise<void> {
  const before = addMillis(at, -USE_MILLIS);
  const stale = sql`select ${apiKeys.id} from ${apiKeys}
    where ${eq(apiKeys.tenantId, tenantId)} and ${anyOf(apiKeys.id, ids)}
      and (${apiKeys.lastUsedAt} is null or ${apiKeys.lastUsedAt} <= ${before}::timestamptz)
    for no key update skip locked`;
  await db
    .update(apiKeys)
    .set({ lastUsedAt: at })
    .where(and(eq(apiKeys.tenantId, tenantId), sql`${apiKeys.id} in (${stale})`));
}
