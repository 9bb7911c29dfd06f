import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { GrantId } from '../../core/id.js';
import type { Reading } from '../../core/work.js';
import { licenses } from '../../licenses/table.js';
import type { Line } from '../model/ledger.js';
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
    meter: { licenseId, featureId, windowStart, source, windowEnd: null, limit: null, overage: 'DENY' },
  }));
}

/** The name of a line among those of its tenant. */
export function lineName({ grantId, line }: Pick<Line, 'grantId' | 'line'>): string {
  return `${grantId} ${line}`;
}

/** Which of these lines were given back already. */
export async function linesReturned(reading: Reading, lines: readonly Line[]): Promise<ReadonlySet<string>> {
  const asked: SQL = sql`(${usageLedger.grantId}, ${usageLedger.line}) in (select id, line::int
    from unnest(${sql.param(lines.map(({ grantId }) => grantId))}::text[],
      ${sql.param(lines.map(({ line }) => String(line)))}::text[]) as asked (id, line))`;
  const rows = await reading.db
    .select({ grantId: usageLedger.grantId, line: usageLedger.line })
    .from(usageLedger)
    .where(and(eq(usageLedger.tenantId, reading.tenantId), eq(usageLedger.kind, 'REFUND'), asked));
  return new Set(rows.map(lineName));
}
