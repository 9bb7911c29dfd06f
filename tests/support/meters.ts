import { createProduct, grantToTenant, type Issued, type Shop } from './fixtures.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

/** What the entitlement tests ask and look at: marked fields of the product's graph, and the counters behind them. */
export interface FeatureShop extends Shop {
  readonly tenantId: string;
}

/** A tenant with a product and no license. */
export async function openFeatureShop(server: TestServer): Promise<FeatureShop> {
  const admin = await server.tenant();
  const productId = await createProduct(server, admin);
  return { admin, productId, templateId: '', customerId: '', tenantId: admin.tenant_id };
}

/** A license of the whole tenant that grants advanced analytics up to this limit, and what else is told. */
export function grantAnalytics(
  server: TestServer,
  shop: Shop,
  limitValue: number | null,
  feature: object = {},
  input: object = {},
): Promise<Issued> {
  return grantToTenant(server, shop, [{ featureId: 'analytics_advanced', limitValue, ...feature }], input);
}

/** The metered query: one unit of `analytics_advanced` a response path. */
export const useAnalytics =
  'query ($id: ID!) { license(id: $id) { id advancedAnalytics { operatingSystems { name } } } }';

export const exportLicenses =
  'mutation ($input: ExportLicensesInput!) { exportLicenses(input: $input) { count } }';

export function askAnalytics(server: TestServer, as: Claims, id: string): Promise<Answer> {
  return server.graphql(useAnalytics, { id }, as);
}

export function askExport(
  server: TestServer,
  as: Claims,
  input: object = { format: 'JSON' },
): Promise<Answer> {
  return server.graphql(exportLicenses, { input }, as);
}

/** Every refusal and failure of an answer by its response path: `{ 'license.analytics': 'QUOTA_EXCEEDED' }`. */
export function refusalsByPath(answer: Answer): Record<string, string> {
  return Object.fromEntries(
    answer.errors.map((error) => [(error.path ?? []).join('.'), error.extensions.code]),
  );
}

/** The same with the messages. */
export function messagesByPath(answer: Answer): Record<string, string> {
  return Object.fromEntries(answer.errors.map((error) => [(error.path ?? []).join('.'), error.message]));
}

export interface Counter {
  readonly licenseId: string;
  readonly featureId: string;
  readonly windowStart: string;
  readonly used: number;
}

/** The counters of a tenant that say more than 0, the oldest license and window first. */
export async function countersOf(server: TestServer, tenantId: string): Promise<Counter[]> {
  const rows =
    await server.sql`select license_id, feature_id, window_start, used::float8 as used from feature_usage
    where tenant_id = ${tenantId} and used > 0 order by license_id, feature_id, window_start`;
  return rows.map((row) => ({
    licenseId: row.license_id,
    featureId: row.feature_id,
    windowStart: row.window_start.toISOString(),
    used: row.used,
  }));
}

/** The units used in a tenant by feature; features without use are left out. */
export async function unitsUsed(server: TestServer, tenantId: string): Promise<Record<string, number>> {
  const rows = await server.sql`select feature_id, sum(used)::float8 as used from feature_usage
    where tenant_id = ${tenantId} group by 1 having sum(used) > 0 order by 1`;
  return Object.fromEntries(rows.map((row) => [row.feature_id, row.used]));
}

/** How many events of a type a tenant's trail holds. */
export function eventCount(server: TestServer, tenantId: string, type: string): Promise<number> {
  return server.count('license_event_logs', `tenant_id = '${tenantId}' and event_type = '${type}'`);
}

/** What a caller's `entitlements` say of one feature. */
export async function entitlementOf(
  server: TestServer,
  as: Claims,
  featureId: string,
): Promise<Json | undefined> {
  const data = await server.ok(
    '{ entitlements { featureId featureName limit limitType limitPeriod used left windowEndsAt expiresAt licenseIds } }',
    {},
    as,
  );
  return Object.values(data.entitlements ?? {}).find((each) => String(each.featureId) === featureId);
}
