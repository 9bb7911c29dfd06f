import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { GrantId } from '../../core/id.js';
import type { Reading } from '../../core/work.js';
import { licenses } from '../../licenses/table.js';
import { type Fates, type Line, lineName } from '../model/ledger.js';
import { meterOf } from '../model/meter.js';
import { usageLedger } from '../table.js';
import { inReach } from './grants.js';

const columns = {
  grantId: usageLedger.grantId,
  line: usageLedger.line,
  licenseId: usageLedger.licenseId,
  featureId: usageLedger.featureId,
  windowStart: usageLedger.windowStart,
  source: usageLedger.source,
  amount: usageLedger.amount,
};

/**
 * What a grant wrote, if the actor took it and its licenses are in the caller's reach; none of it otherwise. Limits are
 * left out: units that come back reach no threshold.
 */
export async function linesOfGrant(reading: Reading, grantId: GrantId, taker: string): Promise<Line[]> {
  const reached = sql<boolean>`exists (select from ${licenses} where ${licenses.id} = ${usageLedger.licenseId}
    and ${inReach(reading)})`;
  const rows = await reading.db
    .select({ ...columns, reached })
    .from(usageLedger)
    .where(
      and(
        eq(usageLedger.tenantId, reading.tenantId),
        eq(usageLedger.grantId, grantId),
        eq(usageLedger.kind, 'GRANT'),
        eq(usageLedger.actor, taker),
      ),
    )
    .orderBy(usageLedger.line);
  if (rows.some((row) => !row.reached)) return [];
  return rows.map(({ grantId, line, amount, licenseId, featureId, windowStart, source }) => ({
    grantId,
    line,
    amount,
    meter: meterOf({
      licenseId,
      featureId,
      windowStart,
      source,
      windowEnd: null,
      limit: null,
      overage: 'DENY',
    }),
  }));
}

/** To be asked behind the locks of their counters: whoever gives one back or sets a counter back holds that. */
export async function fatesOf(reading: Reading, lines: readonly Line[]): Promise<Fates> {
  const asked: SQL = sql`(${usageLedger.grantId}, ${usageLedger.line}) in (select id, line::int
    from unnest(${sql.param(lines.map(({ grantId }) => grantId))}::text[],
      ${sql.param(lines.map(({ line }) => String(line)))}::text[]) as asked (id, line))`;
  const { tenantId, grantId, line, kind, resets } = usageLedger;
  const rows = await reading.db
    .select({ grantId, line, kind, resets })
    .from(usageLedger)
    .where(and(eq(tenantId, reading.tenantId), asked));
  return {
    returned: new Set(rows.filter((row) => row.kind === 'REFUND').map(lineName)),
    resets: new Map(rows.filter((row) => row.kind === 'GRANT').map((row) => [lineName(row), row.resets])),
  };
}
