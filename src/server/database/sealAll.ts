import { tenants } from '../../access/table.js';
import { committed } from '../../core/db.js';
import type { LicenseId, TenantId } from '../../core/id.js';
import { type Sealing, sealLicenses } from '../../licenses/service/sealLicenses.js';
import { openWork } from '../operation/openWork.js';
import type { Machinery } from '../operation/operation.js';
import { systemCaller } from './seed.js';

async function sealBatch(
  machinery: Machinery,
  tenantId: TenantId,
  behind: LicenseId | undefined,
): Promise<Sealing> {
  const { work, session } = await openWork(machinery, systemCaller(tenantId));
  return committed(session, () => sealLicenses(work, behind));
}

export type SealReport = Omit<Sealing, 'next'>;

/** Seals the licenses of all tenants, a batch in each transaction. Needs the worker's pool. */
export async function sealAll(machinery: Machinery): Promise<SealReport> {
  let report: SealReport = { sealed: 0, renewed: 0, altered: [] };
  const all = await machinery.pool.db.select({ id: tenants.id }).from(tenants).orderBy(tenants.id);
  for (const { id } of all) {
    let behind: LicenseId | undefined;
    do {
      const { next, sealed, renewed, altered } = await sealBatch(machinery, id, behind);
      report = {
        sealed: report.sealed + sealed,
        renewed: report.renewed + renewed,
        altered: [...report.altered, ...altered],
      };
      behind = next;
    } while (behind !== undefined);
  }
  return report;
}
