import { and, eq, sql } from 'drizzle-orm';
import { newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { licenseRevoked } from '../../licenses/model.js';
import { licenseToChange } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import { type Meter, ownMeter } from '../model/meter.js';
import { lockedCounters } from '../queries/counters.js';
import type { ResetQuotaInput } from '../schema/inputs.js';
import { featureUsage } from '../table.js';
import { takerOf } from './chargeNeeds.js';
import { featureOf } from './grantFeature.js';
import { writeEntries } from './ledger.js';

/** What was told of the window is told again when it fills once more, and what was drawn until now comes back no more. */
async function beginAnew(work: Work, { licenseId, featureId, windowStart }: Meter): Promise<void> {
  await work.db
    .update(featureUsage)
    .set({ toldPercent: 0, resets: sql`${featureUsage.resets} + 1` })
    .where(
      and(
        eq(featureUsage.tenantId, work.tenantId),
        eq(featureUsage.licenseId, licenseId),
        eq(featureUsage.featureId, featureId),
        eq(featureUsage.windowStart, windowStart),
        eq(featureUsage.source, ''),
      ),
    );
}

/** Sets the running window of a license's own limit back to nothing used; extra units stay as they are. */
export async function resetQuota(work: Work, input: ResetQuotaInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  if (license.status === 'REVOKED') throw licenseRevoked(license.id);
  const meter = ownMeter(license.id, license.issuedDate, featureOf(license, input.featureId), work.now);
  const counters = await lockedCounters(work, [meter]);
  const counter = counters.get(meter.name);
  const used = counter?.used ?? 0;
  const line = { meter, amount: -used, grantId: newId<'Grant'>(work.now), line: 0 };
  await writeEntries(work, used === 0 ? [] : [{ kind: 'RESET', taker: takerOf(work), line }], counters);
  if (counter !== undefined) await beginAnew(work, meter);
  const { featureId, windowStart } = meter;
  const data = { featureId, windowStart, before: { used }, after: { used: 0 }, reason: input.reason };
  await work.emit({ type: 'quota.reset', subjectId: license.id, licenseId: license.id, data });
  return license;
}
