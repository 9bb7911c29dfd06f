import type { FastifyInstance } from 'fastify';
import { findTenant } from '../../access/queries.js';
import { currentRevocationList } from '../../activations/service/revocationList.js';
import { committed } from '../../core/db.js';
import { isTenantId, type TenantId } from '../../core/id.js';
import { openWork } from '../operation/openWork.js';
import type { Machinery } from '../operation/operation.js';
import type { AppOptions } from './app.js';
import { type Published, published, sendPublished } from './entityTags.js';

/** However many ask, a tenant's list is read once in so long. */
const READ_MILLIS = 1_000;
/** For how long whoever mirrors a list need not ask again. */
const KEPT_SECONDS = 60;
/** Lists of tenants that are kept at a time; the one that was read longest ago goes first. */
const MOST_TENANTS = 1_000;

type List = Published | undefined;

async function readList(machinery: Machinery, tenantId: TenantId, lifeDays: number): Promise<List> {
  const actor = { kind: 'system', subject: 'revocations', tenantId, permissions: new Set<string>() } as const;
  const caller = { actor, requestId: 'revocations', address: undefined };
  const { work, session } = await openWork(machinery, caller);
  const list = await committed(session, async () => {
    const isKnown = (await findTenant(work.db, tenantId)) !== undefined;
    return isKnown ? await currentRevocationList(work, machinery.signing, lifeDays) : undefined;
  });
  return list === undefined ? undefined : published(list.signed);
}

/** Lists as they were read some moments ago; all who ask meanwhile share one reading. */
function reader(machinery: Machinery, lifeDays: number): (tenantId: TenantId) => Promise<List> {
  const known = new Map<TenantId, { readonly list: Promise<List>; readonly at: number }>();
  return (tenantId) => {
    const last = known.get(tenantId);
    if (last !== undefined && performance.now() - last.at < READ_MILLIS) return last.list;
    const list = readList(machinery, tenantId, lifeDays);
    known.delete(tenantId);
    known.set(tenantId, { list, at: performance.now() });
    list.catch(() => known.delete(tenantId));
    const [oldest] = known.keys();
    if (known.size > MOST_TENANTS && oldest !== undefined) known.delete(oldest);
    return list;
  };
}

/** What no longer holds of what a tenant has signed, at an address that any file server can mirror. */
export function addRevocations(
  app: FastifyInstance,
  { config, machinery }: Pick<AppOptions, 'config' | 'machinery'>,
  addressOf: (request: Parameters<typeof sendPublished>[0]) => string | undefined,
): void {
  const read = reader(machinery, config.LG_REVOCATION_LIST_DAYS);
  app.get<{ Params: { tenant: string } }>(
    '/.well-known/licensegraph/revocations/:tenant',
    async (request, reply) => {
      await machinery.limits.countAddress(addressOf(request), 1);
      const { tenant } = request.params;
      const list = isTenantId(tenant) ? await read(tenant) : undefined;
      if (list === undefined) return reply.callNotFound();
      return sendPublished(request, reply, list, { mediaType: 'application/jwt', keptSeconds: KEPT_SECONDS });
    },
  );
}
