import type { GraphQLField } from 'graphql';
import { isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../src/access/permissions.js';
import { ANYONE } from '../../src/graph/authorized.js';
import { createSchema } from '../../src/server/schema.js';
import { oneOfEach, rootFields } from '../support/everyRootField.js';
import { named, nested } from '../support/nestedFields.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { contentOf, nobodysWorld, openWorld, type World } from '../support/world.js';

let server: TestServer;
let world: World;
beforeAll(async () => {
  server = await startTestServer();
  world = await openWorld(server);
});
afterAll(() => server.stop());

const back = ['admin', 'manager'] as const;
const office = [...back, 'auditor', 'support'] as const;
const people = [...office, 'reseller', 'customer'] as const;
const everyone = [...people, 'application', 'operator', 'nobody'] as const;
type Caller = (typeof everyone)[number];

/** Who may ask what, written down by hand: a role that gains or loses something has to be changed here too. */
const mayAsk: Readonly<Record<string, readonly Caller[]>> = {
  viewer: [...people, 'operator'],
  tenants: ['operator'],
  notification: office,
  notifications: office,
  resendNotification: [...back, 'support'],
  jobs: ['operator'],
  unclaimedWebhooks: ['operator'],
  closeUnclaimedWebhook: ['operator'],
  assignUnclaimedWebhook: ['operator'],
  runJob: ['operator'],
  tenantSettings: office,
  updateTenantSettings: back,
  apiKeys: office,
  webhookEndpoints: office,
  paymentEndpoints: office,
  inboundWebhook: office,
  inboundWebhooks: office,
  createPaymentEndpoint: back,
  updatePaymentEndpoint: back,
  retryInboundWebhook: back,
  closeInboundWebhook: back,
  webhookDeliveries: office,
  createWebhookEndpoint: back,
  updateWebhookEndpoint: back,
  deleteWebhookEndpoint: back,
  sendTestWebhook: back,
  replayWebhookDelivery: back,
  customer: people,
  customers: people,
  reseller: [...office, 'reseller'],
  resellers: [...office, 'reseller'],
  product: people,
  products: people,
  template: people,
  templates: people,
  license: [...people, 'application'],
  licenseByKey: [...people, 'application'],
  licenses: [...people, 'application'],
  activation: people,
  activations: people,
  order: people,
  orders: people,
  invoice: people,
  invoices: people,
  recordPayment: back,
  refundPayment: back,
  voidInvoice: back,
  createOrder: [...back, 'reseller', 'customer'],
  approveOrder: back,
  fulfillOrder: back,
  cancelOrder: [...back, 'reseller', 'customer'],
  events: office,
  eventCursor: office,
  verifyAuditTrail: [...back, 'auditor'],
  exportAuditTrail: [...back, 'auditor'],
  auditCheckpoints: [...back, 'auditor'],
  createAuditCheckpoint: [...back, 'auditor'],
  entitlements: people,
  checkFeatures: [...back, 'customer', 'application'],
  entitlementSet: [...back, 'customer', 'application'],
  consumeFeatures: [...back, 'customer', 'application'],
  refundFeatures: [...back, 'customer', 'application'],
  featureFlags: people,
  apiAccess: people,
  checkOperation: people,
  schemaFeatures: people,
  validateLicenseKey: everyone,
  validateActivation: everyone,
  checkLicenseIntegrity: everyone,
  blacklistedDevices: office,
  blacklistDevice: [...back, 'support'],
  unblacklistDevice: back,
  forgetDevice: back,
  securityIncidents: office,
  reportSuspiciousActivity: everyone,
  generateEmergencyCode: [...back, 'support', 'customer'],
  createApiKey: back,
  revokeApiKey: back,
  createCustomer: back,
  updateCustomer: back,
  createReseller: back,
  updateReseller: back,
  createProduct: back,
  updateProduct: back,
  createTemplate: back,
  updateTemplate: back,
  duplicateTemplate: back,
  createLicense: back,
  issueLicense: [...back, 'reseller'],
  bulkIssue: [...back, 'reseller'],
  bulkIssues: [...back, 'reseller'],
  bulkIssueLicenses: [...back, 'reseller'],
  retryBulkIssue: [...back, 'reseller'],
  licensePool: [...office, 'reseller'],
  licensePools: [...office, 'reseller'],
  createLicensePool: back,
  updateLicensePool: back,
  allocateFromPool: [...back, 'reseller'],
  updateLicense: back,
  renewLicense: [...back, 'reseller'],
  requestRenewal: [...back, 'reseller', 'customer'],
  cancelRenewal: [...back, 'reseller', 'customer'],
  setPaymentMethod: [...back, 'customer'],
  removePaymentMethod: [...back, 'customer'],
  renewalQuote: people,
  upgradeQuote: people,
  upgradeLicense: [...back, 'reseller', 'customer'],
  suspendLicense: [...back, 'support'],
  reinstateLicense: [...back, 'support'],
  revokeLicense: back,
  transferLicense: back,
  revealLicenseKey: back,
  grantFeature: back,
  revokeFeature: back,
  topUpQuota: back,
  resetQuota: back,
  setFeatureFlags: back,
  exportLicenses: [...back, 'auditor'],
  activateLicense: everyone,
  createOfflineRequest: everyone,
  signOfflineActivation: [...back, 'support', 'customer'],
  activateOffline: everyone,
  checkoutLicenseFile: [...back, 'support', 'customer'],
  sendHeartbeat: everyone,
  deactivateActivation: [...back, 'support', 'customer'],
  borrowLease: everyone,
  releaseLease: [...back, 'support', 'customer'],
};

function claimsOf(caller: Caller): Claims | undefined {
  const { tenant_id } = world.admin;
  if (caller === 'nobody') return undefined;
  const bound = {
    ...(caller === 'customer' ? { customer_id: world.customerId } : {}),
    ...(caller === 'reseller' ? { reseller_id: world.resellerId } : {}),
  };
  return { tenant_id, roles: [caller], ...bound };
}

const refusals = ['UNAUTHENTICATED', 'FORBIDDEN'];

/** The root fields that refuse the caller for who it is. What is named exists nowhere, so that nothing is done. */
async function refusedTo(as: Claims | undefined): Promise<Record<string, string>> {
  const refused: Record<string, string> = {};
  for (const [field, { query, variables }] of oneOfEach(nobodysWorld(world.admin), world)) {
    const { errors } = await server.graphql(query, variables, as);
    const code = errors.find(({ path }) => path?.length === 1)?.extensions.code;
    if (code !== undefined && refusals.includes(code)) refused[field] = code;
  }
  return refused;
}

describe('root fields', () => {
  test('all stand in the table', () => {
    expect(Object.keys(mayAsk).toSorted()).toEqual(rootFields());
  });

  test.each(everyone)('%s may ask what the table says and is refused the rest', async (caller) => {
    const code = caller === 'nobody' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
    const expected = Object.entries(mayAsk).filter(([, callers]) => !callers.includes(caller));

    const refused = await refusedTo(claimsOf(caller));

    expect(refused).toEqual(Object.fromEntries(expected.map(([field]) => [field, code])));
  });

  test.each([
    ['no role', {}],
    ['a role that is none', { roles: ['root' as Role, 'Operator' as Role, '__proto__' as Role] }],
    ['a permission that is none', { permissions: ['*', 'license.*', 'constructor', 'LICENSE.READ'] }],
  ])('a token with %s may ask what needs no permission alone', async (_what, claims) => {
    const open = Object.keys(mayAsk).filter((field) => mayAsk[field]?.includes('nobody') !== true);

    const refused = await refusedTo({ tenant_id: world.admin.tenant_id, ...claims });

    expect(refused).toEqual(Object.fromEntries(open.map((field) => [field, 'FORBIDDEN'])));
  });

  test('a single permission grants its own fields and no other', async () => {
    const claims = { tenant_id: world.admin.tenant_id, permissions: ['license.reveal_key'] };

    const refused = await refusedTo(claims);

    expect(Object.keys(mayAsk).filter((field) => refused[field] === undefined)).toEqual([
      'validateLicenseKey',
      'validateActivation',
      'checkLicenseIntegrity',
      'reportSuspiciousActivity',
      'revealLicenseKey',
      'activateLicense',
      'createOfflineRequest',
      'activateOffline',
      'sendHeartbeat',
      'borrowLease',
    ]);
  });

  test.each(everyone)('what is refused to %s writes nothing', async (caller) => {
    const asked = oneOfEach(world, world);
    const before = await contentOf(server);

    for (const [field, callers] of Object.entries(mayAsk)) {
      const operation = asked.get(field);
      if (operation === undefined || callers.includes(caller)) continue;
      const { code } = await server.graphql(operation.query, operation.variables, claimsOf(caller));
      expect([field, code]).toEqual([field, caller === 'nobody' ? 'UNAUTHENTICATED' : 'FORBIDDEN']);
    }

    expect(await contentOf(server)).toBe(before);
  });

  test('a refused root is null with its error and leaves the others their answers', async () => {
    const query = `{ reseller(id: "${world.resellerId}") { id } viewer { subject } }`;

    const { data, errors } = await server.graphql(query, {}, claimsOf('customer'));

    expect(data).toEqual({ reseller: null, viewer: { subject: 'tester' } });
    expect(errors.map(({ path, extensions }) => [path, extensions.code, extensions.permission])).toEqual([
      [['reseller'], 'FORBIDDEN', 'reseller.read'],
    ]);
  });
});

function guardedFields(): string[] {
  const schema = createSchema();
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const guarded = ({ extensions: { permission } }: GraphQLField<unknown, unknown>) =>
    permission !== undefined && permission !== ANYONE;
  return Object.values(schema.getTypeMap()).flatMap((type) =>
    isObjectType(type) && !roots.includes(type)
      ? Object.values(type.getFields())
          .filter(guarded)
          .map((field) => `${type.name}.${field.name}`)
      : [],
  );
}

describe('fields below the root', () => {
  test('that ask for a permission all stand in the table', () => {
    expect(Object.keys(nested).toSorted()).toEqual(guardedFields().toSorted());
  });

  test.each(Object.entries(nested))(
    '%s needs its own permission',
    async (_field, [query, root, permission]) => {
      const { tenant_id } = world.admin;

      const without = await server.graphql(named(query, world), {}, { tenant_id, permissions: [root] });
      const holding = await server.graphql(
        named(query, world),
        {},
        { tenant_id, permissions: [root, permission] },
      );

      const missing = root === permission ? [] : [permission];
      expect(without.errors.map(({ extensions }) => extensions.permission)).toEqual(missing);
      expect(holding.errors.filter(({ extensions }) => refusals.includes(extensions.code))).toEqual([]);
    },
  );

  test('a payload that may not be read keeps the act from being done', async () => {
    const { tenant_id } = world.admin;
    const before = await contentOf(server);
    const query = `mutation ($input: SuspendLicenseInput!) { suspendLicense(input: $input) {
      license { id events { totalCount } } } }`;
    const input = { licenseId: world.licenseId, reason: 'Unpaid' };

    const answer = await server.graphql(query, { input }, { tenant_id, permissions: ['license.suspend'] });

    expect(answer.errors.map(({ path, extensions }) => [path, extensions.permission])).toEqual([
      [['suspendLicense'], 'event.read'],
    ]);
    expect(await contentOf(server)).toBe(before);
  });
});

test('an activation is ended by its id with a permission only', async () => {
  const { activationId, admin } = world;
  const query = `mutation { deactivateActivation(input: { activationId: "${activationId}" }) { activation { status } } }`;
  const claims = { tenant_id: admin.tenant_id, permissions: ['activation.read'] };

  const nobody = await server.graphql(query);
  const without = await server.graphql(query, {}, claims);

  expect([nobody.code, without.code]).toEqual(['UNAUTHENTICATED', 'FORBIDDEN']);
  expect(await server.count('license_activations', "status = 'DEACTIVATED'")).toBe(0);
});
