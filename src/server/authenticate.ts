import { GraphQLError } from 'graphql';
import { anonymousPermissions } from '../access/permissions.js';
import { findTenant } from '../access/queries.js';
import type { VerifyToken } from '../access/tokens.js';
import type { Actor } from '../core/actor.js';
import type { Pool } from '../core/db.js';
import type { TenantId } from '../core/id.js';
import { Refusal } from '../core/refusal.js';
import { asDoorError } from './formatError.js';

export type Authenticate = (authorization: string | undefined) => Promise<Actor>;

const anonymous: Actor = { kind: 'anonymous', permissions: anonymousPermissions };
const KNOWN_MILLIS = 30_000;

/** Whether a tenant is there, asked at most every 30 seconds; only a yes is remembered. */
function tenantDirectory(pool: Pool): (id: TenantId) => Promise<boolean> {
  const known = new Map<TenantId, number>();
  return async (id) => {
    if ((known.get(id) ?? 0) > performance.now()) return true;
    const session = await pool.begin('read');
    session.setTenant(id);
    const found = await findTenant(session.db, id).finally(session.rollback);
    if (found !== undefined) known.set(id, performance.now() + KNOWN_MILLIS);
    return found !== undefined;
  };
}

/** Reads the Authorization header (RFC 6750, section 2.1). None is nobody; one that does not verify is refused. */
export function authenticator(verify: VerifyToken, pool: Pool): Authenticate {
  const exists = tenantDirectory(pool);
  return async (authorization) => {
    if (authorization === undefined) return anonymous;
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined)
      throw new Refusal('TOKEN_INVALID', 'The Authorization header must be `Bearer` and a token.');
    const actor = await verify(token);
    if (!(await exists(actor.tenantId)))
      throw new Refusal('TENANT_NOT_FOUND', "The token's tenant does not exist.");
    return actor;
  };
}

/** Before there is an operation, a refusal has to carry its HTTP status itself, and any other error its request's id. */
export function asHttpError(error: unknown, requestId: string): unknown {
  if (error instanceof Refusal) return asDoorError(error);
  const originalError = error instanceof Error ? error : new Error(String(error));
  const extensions = { code: 'INTERNAL_SERVER_ERROR', requestId };
  return new GraphQLError('a request could not be begun', { originalError, extensions });
}
