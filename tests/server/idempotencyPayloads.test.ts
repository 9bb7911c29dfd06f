import {
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANYONE } from '../../src/graph/authorized.js';
import { provingMembers } from '../../src/server/operation/idempotency.js';
import { createSchema } from '../../src/server/schema.js';
import { mutation, tablesOf } from '../support/acts.js';
import { createApiKey } from '../support/apiKeys.js';
import { insertFailedList } from '../support/batches.js';
import { insertInvoice, invoiceOf } from '../support/billing.js';
import {
  activate,
  createCustomer,
  createLicense,
  createProduct,
  createTemplate,
  grantToTenant,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { blacklistDevice } from '../support/guarding.js';
import { requestOf, sign } from '../support/offline.js';
import { another, approveOrder, createOrder, payOrder } from '../support/orders.js';
import { createPaymentEndpoint, insertInbound, insertUnclaimed } from '../support/paymentEndpoints.js';
import { keyed } from '../support/replays.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { createEndpoint } from '../support/webhooks.js';
import { insertNotification } from '../support/world.js';

const mutations: readonly GraphQLField<unknown, unknown>[] = Object.values(
  createSchema().getMutationType()?.getFields() ?? {},
);

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  await grantToTenant(
    server,
    shop,
    ['bulk_export', 'analytics_dashboard', 'analytics_advanced'].map((featureId) => ({ featureId })),
  );
});
afterAll(() => server.stop());

const location = {
  country: 'DE',
  timezone: 'Europe/Berlin',
  coordinates: { latitude: 52.5, longitude: 13.4 },
};
const metadata = { nested: { list: [1, 'two', null], ratio: 0.1 }, empty: {}, größe: '大' };
const feature = { featureId: 'reports', featureName: 'Reports', limitValue: 9_007_199_254_740_991 };
const pricing = {
  basePrice: '100.0001',
  currency: 'CLF',
  billingCycle: 'MONTHLY',
  volumeDiscounts: [{ minQuantity: 10, discountPercentage: '2.5' }],
};

const newLicense = async () => ({ licenseId: (await issueLicense(server, shop)).id });
const suspended = async () => {
  const { licenseId } = await newLicense();
  await server.ok(
    mutation('suspendLicense', '__typename'),
    { input: { licenseId, reason: 'x' } },
    shop.admin,
  );
  return { licenseId };
};
const paidOrder = async () => {
  const order = await createOrder(server, shop, { fulfillmentMethod: 'MANUAL' });
  await payOrder(server, shop, order);
  return approveOrder(server, shop, order);
};
const resellerId = async () => {
  const made = await server.ok(
    mutation('createReseller', 'reseller { id }'),
    { input: { name: 'R' } },
    shop.admin,
  );
  return String(made.createReseller?.reseller?.id);
};
const newPool = (reseller: string) => ({
  name: 'Spring',
  resellerId: reseller,
  templateId: shop.templateId,
  size: 5,
});
const pool = async () => {
  const reseller = await resellerId();
  const query = mutation('createLicensePool', 'pool { id }');
  const made = await server.ok(query, { input: newPool(reseller) }, shop.admin);
  return { poolId: String(made.createLicensePool?.pool?.id), reseller };
};
const licenseKey = async () => (await issueLicense(server, shop)).licenseKey;
const activationToken = async () => (await activate(server, await licenseKey(), 'd')).activationToken;

const requestCode = async () => (await requestOf(server, await licenseKey())).requestCode;
const signedCodes = async () => {
  const code = await requestCode();
  return { requestCode: code, responseCode: (await sign(server, shop.admin, code)).responseCode };
};
const floating = async () => {
  const license = await createLicense(server, shop, { licenseType: 'CONCURRENT', maxBorrowHours: 72 });
  return (await activate(server, license.licenseKey, 'd')).activationToken;
};

const metered = async () => {
  const features = [{ featureId: 'metered', featureName: 'Metered', limitValue: 5 }];
  return { licenseId: (await grantToTenant(server, shop, features)).id };
};

const grantId = async () => {
  const uses = [{ featureId: 'analytics_advanced', amount: 2 }];
  const made = await server.ok(mutation('consumeFeatures', 'grantId'), { input: { uses } }, shop.admin);
  return made.consumeFeatures?.grantId;
};

const invoiceId = async () => (await invoiceOf(server, shop.admin, { customerId: shop.customerId })).id;
const requestedRenewal = async () => {
  const input = { ...(await newLicense()), durationMonths: 12 };
  const data = await server.ok(mutation('requestRenewal', 'renewal { id }'), { input }, shop.admin);
  return data.requestRenewal?.renewal?.id;
};
const paymentId = async () => (await insertInvoice(server, shop.admin, {})).paymentId;

const WEBHOOK_URL = 'https://hooks.example.com/licenses?from=größe';
const webhookEndpointId = async () => (await createEndpoint(server, shop.admin, WEBHOOK_URL)).id;

const paymentEndpointId = async () =>
  (await createPaymentEndpoint(server, shop.admin, { processor: 'BILLING' })).id;

/** An input that each mutation takes, with values of every shape that its payload may hold. */
const inputs: Readonly<Record<string, () => Promise<object>>> = {
  createApiKey: async () => ({ name: 'Export', roles: ['auditor'], expiresAt: '2027-01-01T00:00:00Z' }),
  revokeApiKey: async () => ({ apiKeyId: (await createApiKey(server, shop.admin)).id }),
  createPaymentEndpoint: async () => ({ processor: 'BILLING', description: 'Ada' }),
  updatePaymentEndpoint: async () => ({ endpointId: await paymentEndpointId(), rotateSecret: true }),
  retryInboundWebhook: async () => ({
    webhookId: await insertInbound(server, shop.admin, await paymentEndpointId()),
  }),
  closeInboundWebhook: async () => ({
    webhookId: await insertInbound(server, shop.admin, await paymentEndpointId()),
    note: 'Größe',
  }),
  closeUnclaimedWebhook: async () => ({ webhookId: await insertUnclaimed(server), note: 'Größe' }),
  assignUnclaimedWebhook: async () => ({
    webhookId: await insertUnclaimed(server),
    invoiceId: await invoiceId(),
  }),
  createWebhookEndpoint: async () => ({ url: WEBHOOK_URL, events: ['*'], description: 'Ada' }),
  updateWebhookEndpoint: async () => ({ endpointId: await webhookEndpointId(), rotateSecret: true }),
  deleteWebhookEndpoint: async () => ({ endpointId: await webhookEndpointId() }),
  recordPayment: async () => ({ invoiceId: await invoiceId(), amount: '1.5', reference: 'r', note: 'Ä' }),
  refundPayment: async () => ({ paymentId: await paymentId(), reason: 'x' }),
  runJob: async () => {
    await server.sql`insert into scheduled_jobs (name) values ('answer.forget')`;
    return { name: 'answer.forget' };
  },
  sendTestWebhook: async () => ({ endpointId: await webhookEndpointId() }),
  replayWebhookDelivery: async () => ({ endpointId: await webhookEndpointId(), since: server.now }),
  resendNotification: async () => ({
    notificationId: await insertNotification(server, shop.admin, (await newLicense()).licenseId),
  }),
  blacklistDevice: async () => ({ deviceFingerprint: 'stolen', reason: 'x' }),
  forgetDevice: async () => ({ deviceFingerprint: 'd' }),
  reportSuspiciousActivity: async () => ({
    activityType: 'TAMPERING_ATTEMPT',
    description: 'x',
    evidence: metadata,
  }),
  unblacklistDevice: async () => ({ id: await blacklistDevice(server, shop.admin, 'found') }),
  generateEmergencyCode: async () => ({ ...(await newLicense()), reason: 'x' }),
  createLicensePool: async () => newPool(await resellerId()),
  updateLicensePool: async () => ({ poolId: (await pool()).poolId, size: 7 }),
  allocateFromPool: async () => {
    const { poolId, reseller } = await pool();
    await server.sql`update customers set reseller_id = ${reseller} where id = ${shop.customerId}`;
    return { poolId, customerId: shop.customerId, quantity: 2 };
  },
  bulkIssueLicenses: async () => ({
    templateId: shop.templateId,
    rows: [{ customerId: shop.customerId, quantity: 2 }, { email: 'nobody@example.com' }],
  }),
  retryBulkIssue: async () => ({ bulkIssueId: await insertFailedList(server, shop.admin) }),
  createCustomer: async () => ({ name: 'Ada', email: 'ada@example.com' }),
  updateCustomer: async () => ({ customerId: await createCustomer(server, shop.admin), email: null }),
  createReseller: async () => ({ name: 'R' }),
  updateReseller: async () => ({ resellerId: await resellerId(), status: 'INACTIVE' }),
  activateLicense: async () => ({
    licenseKey: await licenseKey(),
    deviceFingerprint: 'd',
    location,
    metadata,
  }),
  deactivateActivation: async () => ({ activationToken: await activationToken(), reason: 'sold' }),
  borrowLease: async () => ({ activationToken: await floating(), hours: 48 }),
  releaseLease: async () => ({ activationToken: await floating() }),
  sendHeartbeat: async () => ({
    activationToken: await activationToken(),
    metrics: { totalRuntimeHours: 0.1, featureUsage: { reports: 3 }, apiCallsCount: 1e12 },
  }),
  createOfflineRequest: async () => ({ licenseKey: await licenseKey(), deviceFingerprint: 'd' }),
  signOfflineActivation: async () => ({ requestCode: await requestCode() }),
  activateOffline: async () => signedCodes(),
  checkoutLicenseFile: async () => ({
    activationToken: await activationToken(),
    deviceFingerprint: 'd',
    encrypted: true,
  }),
  exportLicenses: async () => ({ format: 'CSV' }),
  createLicense: async () => ({
    productId: shop.productId,
    licenseType: 'PERPETUAL',
    licenseModel: 'PER_DEVICE',
    issuedTo: 'Ada',
    features: [feature],
    restrictions: [{ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE'] }],
    metadata,
  }),
  createOrder: async () => ({
    customerId: shop.customerId,
    templateId: shop.templateId,
    quantity: 2,
    durationMonths: 6,
    pricingOverride: { basePrice: '9.99' },
    taxes: [{ name: 'VAT', percentage: '19' }],
    customFeatures: [feature],
  }),
  approveOrder: async () => {
    const order = await createOrder(server, shop, {}, 'id', another(shop.admin));
    return { orderId: order.id, notes: 'x' };
  },
  fulfillOrder: async () => ({ orderId: (await paidOrder()).id }),
  cancelOrder: async () => ({ orderId: (await createOrder(server, shop)).id, reason: 'x' }),
  issueLicense: async () => ({ customerId: shop.customerId, templateId: shop.templateId, trial: true }),
  updateLicense: async () => ({ ...(await newLicense()), metadata, features: [feature] }),
  upgradeLicense: async () => ({
    licenseId: (await issueLicense(server, shop)).id,
    templateId: await createTemplate(server, shop.admin, shop.productId, {
      pricing: { basePrice: '900', currency: 'USD', billingCycle: 'ANNUALLY' },
    }),
  }),
  renewLicense: async () => ({ ...(await newLicense()), durationMonths: 12, upgradeFeatures: [feature] }),
  voidInvoice: async () => ({ invoiceId: await invoiceId(), reason: 'x' }),
  cancelRenewal: async () => ({ renewalId: await requestedRenewal(), reason: 'Größe' }),
  requestRenewal: async () => ({ ...(await newLicense()), durationMonths: 12, extendMaintenance: true }),
  setPaymentMethod: async () => ({
    customerId: shop.customerId,
    stripeCustomer: 'cus_Ada',
    stripePaymentMethod: 'pm_1',
    label: 'Visa 4242 (größer)',
    expiresAt: '2030-12-31T23:59:59.999Z',
  }),
  removePaymentMethod: async () => ({ customerId: shop.customerId }),
  suspendLicense: async () => ({ ...(await newLicense()), reason: 'x' }),
  reinstateLicense: suspended,
  revokeLicense: async () => ({ ...(await newLicense()), reason: 'x' }),
  transferLicense: async () => ({
    ...(await newLicense()),
    newCustomerId: await createCustomer(server, shop.admin, 'Grace'),
    newIssuedTo: 'Grace',
    transferReason: 'sold',
  }),
  revealLicenseKey: newLicense,
  grantFeature: async () => ({ ...(await newLicense()), feature }),
  revokeFeature: async () => ({ ...(await metered()), featureId: 'metered', reason: 'x' }),
  consumeFeatures: async () => ({ uses: [{ featureId: 'analytics_advanced', amount: 3 }] }),
  refundFeatures: async () => ({ grantId: await grantId() }),
  topUpQuota: async () => ({ ...(await metered()), featureId: 'metered', amount: 5, reason: 'x' }),
  resetQuota: async () => ({ ...(await metered()), featureId: 'metered', reason: 'x' }),
  updateTenantSettings: async () => ({
    branding: { companyName: 'Größe & Söhne', companyAddress: 'Line 1\nLine 2', primaryColor: '#A1b2C3' },
    mail: { sendsReminders: false },
    language: 'de',
    timeZone: 'America/Argentina/Buenos_Aires',
    retention: { eventDays: 400 },
    fourEyes: true,
  }),
  createAuditCheckpoint: async () => ({ reason: 'before the auditor comes' }),
  setFeatureFlags: async () => ({ flags: [{ name: 'reports_enabled', featureId: 'reports' }] }),
  createProduct: async () => ({ productId: 'P-new', name: 'Sonar', version: '1' }),
  updateProduct: async () => ({ productId: await createProduct(server, shop.admin), description: 'Deeper' }),
  createTemplate: async () => ({
    templateName: 'T',
    productId: shop.productId,
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'PER_SEAT',
    features: [{ featureId: 'reports', featureName: 'Reports', defaultLimit: 5 }],
    pricing,
  }),
  updateTemplate: async () => ({
    templateId: await createTemplate(server, shop.admin, shop.productId),
    pricing,
  }),
  duplicateTemplate: async () => ({ templateId: shop.templateId, newName: 'Copy' }),
};

/** What stands above the tenants. */
const ofOperators: ReadonlySet<string> = new Set([
  'runJob',
  'closeUnclaimedWebhook',
  'assignUnclaimedWebhook',
]);

/** Every field below a type that asks for no argument, two edges deep. */
function everything(type: GraphQLObjectType, edges: number): string {
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const target = getNamedType(field.type);
    const asks = field.args.some((argument) => isNonNullType(argument.type));
    if (asks) return [];
    if (isLeafType(target)) return [field.name];
    return isObjectType(target) && edges > 0 ? [`${field.name} { ${everything(target, edges - 1)} }`] : [];
  });
  return ['__typename', ...fields].join(' ');
}

test('a mutation that is not tried here has no replay that is known to be right', () => {
  expect(Object.keys(inputs).toSorted()).toEqual(mutations.map(({ name }) => name).toSorted());
});

test.each(mutations.map((field) => [field.name, field] as const))(
  '%s answers all of its payload again as it was, and writes nothing',
  async (name, field) => {
    const payload = getNamedType(field.type);
    if (!isObjectType(payload)) throw new Error(`${name} answers no object`);
    const variables = { input: await inputs[name]?.() };
    const query = mutation(name, everything(payload, 2));
    const caller = ofOperators.has(name) ? { ...shop.admin, roles: ['operator' as const] } : shop.admin;
    const send = () => server.graphql(query, variables, caller, keyed(`all of ${name}`));
    const writes = () => tablesOf(server, shop.admin.tenant_id);

    const first = await send();
    const before = await writes();
    const again = await send();

    expect(first.errors).toEqual([]);
    expect(again).toEqual(first);
    expect(await writes()).toEqual(before);
  },
);

test('whatever nobody may do shows a secret by which its key finds its license', () => {
  const silent = mutations.filter((field) => {
    const [input] = field.args;
    const type = input === undefined ? undefined : getNamedType(input.type);
    const members = isInputObjectType(type) ? Object.keys(type.getFields()) : [];
    return field.extensions.permission === ANYONE && !members.some((name) => name in provingMembers);
  });

  expect(silent.map(({ name }) => name)).toEqual([]);
});
