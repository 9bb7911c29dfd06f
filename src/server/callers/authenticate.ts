import { GraphQLError } from 'graphql';
import { looksLikeApiKey } from '../../access/model/apiKeys.js';
import { anonymous } from '../../access/permissions.js';
import { findTenant } from '../../access/queries.js';
import type { VerifyToken } from '../../access/tokens.js';
import type { Actor } from '../../core/actor.js';
import type { Pool } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import { asDoorError } from '../formatError.js';
import type { Machinery } from '../operation/operation.js';
import { authenticateApplication } from './authenticateApplication.js';
import { authenticateKey } from './authenticateKey.js';

/** From where somebody comes, and under which id it is written down. */
export interface Arrival {
  readonly requestId: string;
  readonly address: string | undefined;
  /** It was let in before and is looked at again: that is no new try. */
  readonly isKnown?: boolean;
}

export type Authenticate = (authorization: string | undefined, arrival: Arrival) => Promise<Actor>;

/** What may stand in front of a proof (RFC 9110, section 11.4); the word is written in any case. */
const applicationSchemes = new Map([
  ['license', 'LICENSE_KEY'],
  ['activation', 'ACTIVATION_TOKEN'],
] as const);

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

/** A license key may be written with spaces; everything else is one word. */
function read(authorization: string): { scheme: string; shown: string } {
  const [, scheme = '', shown = ''] =
    /^(Bearer|Activation) +(\S+)$/i.exec(authorization) ??
    /^(License) +([\w -]{1,100})$/i.exec(authorization) ??
    [];
  return { scheme: scheme.toLowerCase(), shown };
}

/**
 * Reads the Authorization header (RFC 6750, section 2.1, and the two schemes of applications). None is nobody; one that
 * does not verify is refused.
 */
export function authenticator(verify: VerifyToken, machinery: Machinery): Authenticate {
  const exists = tenantDirectory(machinery.pool);
  return async (authorization, arrival) => {
    if (authorization === undefined) return anonymous;
    const { scheme, shown: token } = read(authorization);
    const kind = applicationSchemes.get(scheme as 'license');
    if (kind !== undefined) return authenticateApplication(machinery, { kind, secret: token, ...arrival });
    if (scheme !== 'bearer') {
      const message =
        'The Authorization header must be `Bearer` and a token, `License` and a key, or `Activation` and a token.';
      throw new Refusal('TOKEN_INVALID', message);
    }
    if (looksLikeApiKey(token)) return authenticateKey(machinery, token, arrival);
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
