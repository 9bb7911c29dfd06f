import { expect } from 'vitest';
import { mutation } from './acts.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

export const CONSUME = mutation(
  'consumeFeatures',
  `granted grantId verdicts {
    featureId amount granted code message refusedFeatureId lines limit used left windowEndsAt }`,
);
export const REFUND = mutation('refundFeatures', 'refunds { featureId units }');

export interface Use {
  readonly featureId: string;
  readonly amount?: number;
  readonly path?: string;
}

export function consume(
  server: TestServer,
  as: Claims | string | undefined,
  uses: readonly Use[],
  licensee?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return server.graphql(CONSUME, { input: { uses, licensee } }, as, headers);
}

export function refund(
  server: TestServer,
  as: Claims | string | undefined,
  input: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return server.graphql(REFUND, { input }, as, headers);
}

/** The verdicts of an answer, in short: `granted`, or the code. */
export function verdictsOf(answer: Answer): unknown[] {
  const verdicts: unknown = answer.data?.consumeFeatures?.verdicts;
  if (!Array.isArray(verdicts)) throw new Error(`no verdicts: ${JSON.stringify(answer.errors)}`);
  return verdicts.map((each: Json) => each.code ?? 'granted');
}

export function grantIdOf(answer: Answer): string {
  expect(answer.errors).toEqual([]);
  return String(answer.data?.consumeFeatures?.grantId);
}

/** Meters of a tenant whose ledger does not add up to their counter, either way. */
export async function differences(server: TestServer, tenantId: string): Promise<number> {
  const [row] = await server.sql`
    select count(*)::int as count from (
      select license_id, feature_id, window_start, source, sum(used) as used from (
        select license_id, feature_id, window_start, source, used - swept as used from feature_usage where tenant_id = ${tenantId}
        union all
        select license_id, feature_id, window_start, source, -amount from usage_ledger where tenant_id = ${tenantId}
      ) as lines group by 1, 2, 3, 4
    ) as sums where used <> 0`;
  return Number(row?.count);
}

/** Keys under which units were granted more than once. */
export async function grantedTwice(server: TestServer, tenantId: string): Promise<string[]> {
  const rows = await server.sql`select idempotency_key from usage_ledger
    where tenant_id = ${tenantId} and kind = 'GRANT' and idempotency_key is not null
    group by 1 having count(distinct grant_id) > 1`;
  return rows.map((row) => String(row.idempotency_key));
}
