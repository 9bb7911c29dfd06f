import { permissionsOf } from '../../access/permissions.js';
import { tenants } from '../../access/table.js';
import { raiseIncident } from '../../compliance/service/raiseIncident.js';
import { committed } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { type Guesser, MISS_WINDOW_MILLIS } from '../limits/guesses.js';
import { openWork } from '../operation/openWork.js';
import type { Machinery } from '../operation/operation.js';

function doorCaller(tenantId: TenantId) {
  const actor = { kind: 'system', subject: 'door', tenantId, permissions: permissionsOf([], []) } as const;
  return { actor, requestId: 'door', address: undefined };
}

/** Somebody without a tenant tries the keys of all of them. */
async function tenantsTold(machinery: Machinery, { tenantId }: Guesser): Promise<readonly TenantId[]> {
  if (tenantId !== undefined) return [tenantId];
  const session = await machinery.pool.begin('read');
  session.showTenants();
  const rows = await session.db
    .select({ id: tenants.id })
    .from(tenants)
    .orderBy(tenants.id)
    .finally(session.rollback);
  return rows.map(({ id }) => id);
}

async function tell(machinery: Machinery, tenantId: TenantId, { misses }: Guesser): Promise<void> {
  const { work, session } = await openWork(machinery, doorCaller(tenantId));
  const incident = {
    activityType: 'API_ABUSE',
    description: `One address showed ${misses} license keys, tokens or codes that lead nowhere.`,
    evidence: { code: 'KEY_GUESSING', misses, minutes: MISS_WINDOW_MILLIS / 60_000 },
    // Not the address: whoever has many would fill the list with as many incidents.
    subject: 'deployment',
  } as const;
  await committed(session, () => raiseIncident(work, incident));
}

/** Raises an incident for guessed keys: in the tenant of who guesses, or in every tenant for nobody's. */
export async function tellOfGuesses(machinery: Machinery, guesser: Guesser): Promise<void> {
  machinery.log.warn({ network: guesser.network, misses: guesser.misses }, 'secrets are being guessed');
  for (const tenantId of await tenantsTold(machinery, guesser)) await tell(machinery, tenantId, guesser);
}
