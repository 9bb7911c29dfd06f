import { randomUUID } from 'node:crypto';
import { createApiKey } from './apiKeys.js';
import { insertInvoice } from './billing.js';
import { activate, issueLicense, openShop, type Shop } from './fixtures.js';
import { blacklistDevice, reportActivity } from './guarding.js';
import { requestOf } from './offline.js';
import { createPaymentEndpoint, insertInbound, insertUnclaimed } from './paymentEndpoints.js';
import type { Claims, TestServer } from './server.js';
import { createEndpoint } from './webhooks.js';

/** One of everything that a tenant can have, by the names under which operations take it. */
export interface World {
  readonly admin: Claims;
  readonly productId: string;
  readonly templateId: string;
  readonly customerId: string;
  readonly resellerId: string;
  readonly licenseId: string;
  readonly licenseKey: string;
  readonly activationId: string;
  readonly activationToken: string;
  readonly orderId: string;
  readonly invoiceId: string;
  readonly renewalId: string;
  readonly paymentId: string;
  readonly apiKeyId: string;
  /** Of a device that cannot connect, for the license. */
  readonly requestCode: string;
  readonly blacklistedDeviceId: string;
  readonly webhookEndpointId: string;
  readonly webhookDeliveryId: string;
  readonly notificationId: string;
  readonly paymentEndpointId: string;
  readonly inboundWebhookId: string;
  readonly unclaimedWebhookId: string;
  readonly poolId: string;
  readonly bulkIssueId: string;
}

export async function createReseller(server: TestServer, as: Claims, name = 'Blue Channel'): Promise<string> {
  const data = await server.ok(
    'mutation ($input: CreateResellerInput!) { createReseller(input: $input) { reseller { id } } }',
    { input: { name } },
    as,
  );
  return String(data.createReseller?.reseller?.id);
}

/** An order that is over, without what an act would do besides: SQL makes it. */
export async function insertOrder(
  server: TestServer,
  shop: Shop,
  parties: { readonly customerId?: string; readonly resellerId?: string } = {},
): Promise<string> {
  const id = randomUUID();
  await server.sql`insert into license_orders (tenant_id, id, order_number, customer_id, reseller_id, template_id,
      template_version, quantity, terms, taxes, lines, subtotal, discount_applied, tax, total_amount, currency, ordered_by,
      ordered_by_persons, needs_second_person, status, payment_status, approved_at, fulfilled_at, created_at, updated_at)
    values (${shop.admin.tenant_id}, ${id}, ${`ORD-${id.slice(0, 8)}`}, ${parties.customerId ?? null},
      ${parties.resellerId ?? null}, ${shop.templateId}, 1, 1, '{}', '[]', '[]', 100, 0, 0, 100, 'USD', 'eve', '["eve"]', false,
      'FULFILLED', 'PAID', ${server.now}, ${server.now}, ${server.now}, ${server.now})`;
  return id;
}

/** An upgrade that was called off, and what was paid for its license: nothing follows of either. */
async function insertUpgrade(server: TestServer, { admin, templateId }: Shop, licenseId: string) {
  const { tenant_id } = admin;
  await server.sql`insert into license_upgrades (tenant_id, id, license_id, from_template_id, from_version, to_template_id,
      to_version, status, basis, total, currency, is_waived, requested_by, settled_at, created_at, updated_at)
    values (${tenant_id}, ${randomUUID()}, ${licenseId}, ${templateId}, 1, ${templateId}, 1, 'CANCELLED', '{}', 0, 'USD',
      false, 'eve', ${server.now}, ${server.now}, ${server.now})`;
  await server.sql`insert into license_terms (tenant_id, id, license_id, kind, starts_at, ends_at, price, currency,
      superseded_at, created_at, updated_at)
    values (${tenant_id}, ${randomUUID()}, ${licenseId}, 'LICENSE', ${server.now}, null, 1, 'USD', ${server.now},
      ${server.now}, ${server.now})`;
}

/** A renewal that was called off, of which the invoice seems to be. */
async function insertRenewal(server: TestServer, as: Claims, licenseId: string, invoiceId: string) {
  const id = randomUUID();
  await server.sql`insert into renewals (tenant_id, id, license_id, way, status, invoice_id, duration_months, finished_at,
      created_at, updated_at)
    values (${as.tenant_id}, ${id}, ${licenseId}, 'BY_HAND', 'CANCELLED', ${invoiceId}, 12, ${server.now}, ${server.now},
      ${server.now})`;
  return id;
}

/** One that was given up: nobody sends anything here. */
async function insertDelivery(
  server: TestServer,
  { tenant_id }: Claims,
  endpointId: string,
): Promise<string> {
  const id = randomUUID();
  await server.sql`insert into webhook_deliveries (tenant_id, id, endpoint_id, event_id, sequence, event_type, status,
      attempt_count, last_error, finished_at, created_at)
    values (${tenant_id}, ${id}, ${endpointId}, ${randomUUID()}, 1, 'license.created', 'FAILED', 10, 'REFUSED', ${server.now}, ${server.now})`;
  return id;
}

/** Mail is written by the worker: SQL does it here, with nothing in it. */
export async function insertNotification(server: TestServer, as: Claims, licenseId: string): Promise<string> {
  const id = randomUUID();
  await server.sql`insert into notifications (tenant_id, id, kind, status, recipient, language, time_zone, subject, license_id,
      event_id, dedupe_key, message_id, created_at, updated_at)
    values (${as.tenant_id}, ${id}, 'LICENSE_SUSPENDED', 'SENT', 'office@example.com', 'en', 'UTC', 'Suspended', ${licenseId},
      ${randomUUID()}, ${id}, ${`<${id}@example.com>`}, ${server.now}, ${server.now})`;
  return id;
}

/** A pool of the reseller, from which the license seems to be. */
async function insertPool(
  server: TestServer,
  shop: Shop,
  resellerId: string,
  licenseId: string,
): Promise<string> {
  const { admin, templateId } = shop;
  const data = await server.ok(
    'mutation ($input: CreateLicensePoolInput!) { createLicensePool(input: $input) { pool { id } } }',
    { input: { name: 'Spring', resellerId, templateId, size: 5 } },
    admin,
  );
  const id = String(data.createLicensePool?.pool?.id);
  await server.sql`update license_pools set allocated = 1 where id = ${id}`;
  await server.sql`insert into pool_allocations (tenant_id, license_id, pool_id, allocated_at)
    values (${admin.tenant_id}, ${licenseId}, ${id}, ${server.now})`;
  return id;
}

/** A list in which the license seems to have stood. */
async function insertBulkIssue(
  server: TestServer,
  as: Claims,
  resellerId: string,
  licenseId: string,
): Promise<string> {
  const id = randomUUID();
  await server.sql`insert into bulk_issues (tenant_id, id, status, mode, requested_by, reseller_id, row_count, issued_count,
      finished_at, created_at, updated_at)
    values (${as.tenant_id}, ${id}, 'FINISHED', 'ROW_BY_ROW', 'eve', ${resellerId}, 1, 1, ${server.now}, ${server.now}, ${server.now})`;
  await server.sql`insert into bulk_issue_results (tenant_id, id, bulk_issue_id, row_number, status, license_id, created_at, updated_at)
    values (${as.tenant_id}, ${randomUUID()}, ${id}, 1, 'ISSUED', ${licenseId}, ${server.now}, ${server.now})`;
  return id;
}

export async function openWorld(server: TestServer): Promise<World> {
  const shop = await openShop(server);
  const resellerId = await createReseller(server, shop.admin);
  const { id: licenseId, licenseKey } = await issueLicense(server, shop);
  const activated = await activate(server, licenseKey, 'laptop');
  await reportActivity(server, shop.admin, licenseKey);
  const orderId = await insertOrder(server, shop, { customerId: shop.customerId });
  await server.sql`update customers set reseller_id = ${resellerId} where id = ${shop.customerId}`;
  await insertUpgrade(server, shop, licenseId);
  await server.sql`update licenses set order_id = ${orderId}, reseller_id = ${resellerId} where id = ${licenseId}`;
  const bound = { customerId: shop.customerId, resellerId };
  const { id: apiKeyId } = await createApiKey(server, shop.admin, bound);
  const url = 'https://hooks.example.com/licenses';
  const { id: webhookEndpointId } = await createEndpoint(server, shop.admin, url, ['license.*']);
  const billed = { customerId: shop.customerId, resellerId, licenseId };
  const invoice = await insertInvoice(server, shop.admin, billed);
  const { id: paymentEndpointId } = await createPaymentEndpoint(server, shop.admin, { processor: 'BILLING' });
  return {
    ...shop,
    paymentEndpointId,
    unclaimedWebhookId: await insertUnclaimed(server),
    inboundWebhookId: await insertInbound(server, shop.admin, paymentEndpointId),
    webhookEndpointId,
    webhookDeliveryId: await insertDelivery(server, shop.admin, webhookEndpointId),
    resellerId,
    licenseId,
    licenseKey,
    orderId,
    ...invoice,
    renewalId: await insertRenewal(server, shop.admin, licenseId, invoice.invoiceId),
    poolId: await insertPool(server, shop, resellerId, licenseId),
    bulkIssueId: await insertBulkIssue(server, shop.admin, resellerId, licenseId),
    apiKeyId,
    blacklistedDeviceId: await blacklistDevice(server, shop.admin, 'stolen'),
    notificationId: await insertNotification(server, shop.admin, licenseId),
    activationId: String(activated.activation?.id),
    activationToken: String(activated.activationToken),
    requestCode: (await requestOf(server, licenseKey, { deviceFingerprint: 'bench' })).requestCode,
  };
}

export const NOBODYS_KEY = '0000-0000-0000-0000-0000';

/** Well-formed names of what nobody has. Whether a request can be read depends on the server that it is made for. */
export function nobodysWorld(admin: Claims, requestCode = 'none'): World {
  return {
    admin,
    productId: `P-${randomUUID().slice(0, 8)}`,
    templateId: randomUUID(),
    customerId: randomUUID(),
    resellerId: randomUUID(),
    licenseId: randomUUID(),
    licenseKey: NOBODYS_KEY,
    activationId: randomUUID(),
    activationToken: `act_${'0'.repeat(43)}`,
    orderId: randomUUID(),
    invoiceId: randomUUID(),
    renewalId: randomUUID(),
    paymentId: randomUUID(),
    apiKeyId: randomUUID(),
    requestCode,
    blacklistedDeviceId: randomUUID(),
    webhookEndpointId: randomUUID(),
    webhookDeliveryId: randomUUID(),
    notificationId: randomUUID(),
    paymentEndpointId: randomUUID(),
    inboundWebhookId: randomUUID(),
    unclaimedWebhookId: randomUUID(),
    poolId: randomUUID(),
    bulkIssueId: randomUUID(),
  };
}

const OF_REFUSALS = "(event_type like '%.refused' or event_type = 'incident.raised')";

/** Rows that stand for themselves: that an act was refused is recorded behind its answer. */
const recorded: Readonly<Record<string, string>> = {
  // Made by whoever signs first, whatever is asked.
  signing_keys: 'true',
  security_incidents: "source = 'DETECTED'",
  license_event_logs: OF_REFUSALS,
  unsealed_events: `event_id in (select id from license_event_logs where ${OF_REFUSALS})`,
  // It says where the numbers of all these end.
  audit_heads: 'true',
  event_personal_data: `event_id in (select id from license_event_logs where ${OF_REFUSALS})`,
  audit_seals: `event_id in (select id from license_event_logs where ${OF_REFUSALS})`,
};

/** The content of every table in one word: two that are equal say that nothing was written between them. */
export async function contentOf(server: TestServer): Promise<string> {
  // What earlier questions told is taken down behind their answers.
  await server.machinery.drain.idle();
  const tables = await server.sql`select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`;
  const each = tables.map(
    ({ relname }) => `(select coalesce(md5(string_agg(t::text, '' order by t::text)), '') from ${relname} t
      where not (${recorded[relname] ?? 'false'}))`,
  );
  const [row] = await server.sql.unsafe(`select concat_ws('/', ${each.join(', ')}) as content`);
  return String(row?.content);
}
