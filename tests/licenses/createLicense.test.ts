import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { eventsDuring, inRole, mutation, readLicense, refusedAct, refusedFields } from '../support/acts.js';
import { activate, createCustomer, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
beforeEach(() => {
  server.now = START;
});
afterAll(() => server.stop());

const basics = () => ({
  productId: shop.productId,
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  issuedTo: 'Ada Okafor',
});
const facts =
  'status issuedDate expiryDate activationDate trialPeriodDays gracePeriodDays maxActivations autoRenewal metadata productName productVersion customerId resellerId templateId features { featureId featureName enabled limitValue limitType limitPeriod expiresAt } restrictions { restrictionType operator values }';

async function create(as: Claims, input: object): Promise<{ licenseKey: string; license: Json }> {
  const query = mutation('createLicense', `licenseKey license { id licenseKey ${facts} }`);
  const { createLicense: made } = await server.ok(query, { input: { ...basics(), ...input } }, as);
  if (made?.license === undefined) throw new Error('no license was made');
  return { licenseKey: String(made.licenseKey), license: made.license };
}

const wrongFields = (input: object, as = shop.admin) =>
  refusedFields(server, as, 'createLicense', { ...basics(), ...input });

test('a license without a template is what was asked for and nothing more', async () => {
  const { licenseKey, license } = await create(shop.admin, {});

  expect(licenseKey).toMatch(/^([0-9A-F]{4}-){4}[0-9A-F]{4}$/);
  expect(license).toEqual({
    id: expect.any(String),
    licenseKey: `${licenseKey.slice(0, 4)}-****-****-****-${licenseKey.slice(-4)}`,
    status: 'ACTIVE',
    issuedDate: START,
    expiryDate: null,
    activationDate: null,
    trialPeriodDays: null,
    gracePeriodDays: null,
    maxActivations: 1,
    autoRenewal: false,
    metadata: {},
    productName: 'Radar',
    productVersion: '2.0',
    customerId: null,
    resellerId: null,
    templateId: null,
    features: [],
    restrictions: [],
  });
});

test('everything that is given is kept as it was given', async () => {
  const given = {
    customerId: shop.customerId,
    productName: 'Radar Pro',
    productVersion: '3.1-beta',
    expiryDate: '2026-12-31T23:59:59.999Z',
    maxActivations: 0,
    gracePeriodDays: 0,
    autoRenewal: true,
    metadata: {
      crm_id: 7,
      tags: ['a', 'B'],
      nested: { 'Ünïcode 😀': null, snake_case: 0.5, camelCase: false },
    },
    features: [
      {
        featureId: 'api.calls',
        featureName: 'API calls',
        enabled: false,
        limitValue: Number.MAX_SAFE_INTEGER,
        limitType: 'COUNT',
        limitPeriod: 'MONTH',
        expiresAt: '2026-06-01T00:00:00.000Z',
      },
      { featureId: 'none', featureName: 'None at all', limitValue: 0 },
    ],
    restrictions: [
      { restrictionType: 'IP_RANGE', operator: 'DENY', values: ['10.0.0.0/8', '2001:db8::/32'] },
    ],
  };

  const { license } = await create(shop.admin, given);

  expect(license).toMatchObject({
    ...given,
    features: [
      given.features[0],
      { ...given.features[1], enabled: true, limitType: null, limitPeriod: 'NONE', expiresAt: null },
    ],
  });
});

test('the making of a license writes one event that holds no key', async () => {
  let made: { licenseKey: string; license: Json } | undefined;

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    made = await create({ ...shop.admin, sub: 'ada' }, { customerId: shop.customerId });
  });

  const id = String(made?.license.id);
  expect(events).toEqual([
    {
      type: 'license.created',
      subjectId: id,
      licenseId: id,
      actor: 'ada',
      data: {
        product_id: shop.productId,
        license_type: 'SUBSCRIPTION',
        customer_id: shop.customerId,
        template_id: null,
      },
    },
  ]);
});

describe('a trial', () => {
  test.each(['TRIAL', 'EVALUATION'])(
    'of type %s waits for its first activation, without an expiry',
    async (licenseType) => {
      const { license, licenseKey } = await create(shop.admin, { licenseType, trialPeriodDays: 10 });
      server.now = addDays(START, 100);
      await activate(server, licenseKey, 'device-1');

      expect(license).toMatchObject({ status: 'PENDING', expiryDate: null, trialPeriodDays: 10 });
      const begun = await readLicense(
        server,
        shop.admin,
        String(license.id),
        'status activationDate expiryDate',
      );
      expect(begun).toEqual({
        status: 'ACTIVE',
        activationDate: addDays(START, 100),
        expiryDate: addDays(START, 110),
      });
    },
  );

  test.each([
    ['without a length', { licenseType: 'TRIAL' }, ['input.trialPeriodDays']],
    ['with a length of no days', { licenseType: 'TRIAL', trialPeriodDays: 0 }, ['input.trialPeriodDays']],
    [
      'with an expiry before it begins',
      { licenseType: 'TRIAL', trialPeriodDays: 9, expiryDate: '2026-04-01T00:00:00Z' },
      ['input.expiryDate'],
    ],
    [
      'without a length and with an expiry',
      { licenseType: 'EVALUATION', expiryDate: '2026-04-01T00:00:00Z' },
      ['input.trialPeriodDays', 'input.expiryDate'],
    ],
  ])('%s is refused', async (_, input, fields) => {
    expect(await wrongFields(input)).toEqual(fields);
  });
});

test.each([
  [
    'a perpetual license with an expiry',
    { licenseType: 'PERPETUAL', expiryDate: '2027-01-01T00:00:00Z' },
    ['input.expiryDate'],
  ],
  ['an expiry at the issue date', { expiryDate: START }, ['input.expiryDate']],
  ['an expiry in the past', { expiryDate: '2026-02-28T00:00:00Z' }, ['input.expiryDate']],
  ['a negative limit', { maxActivations: -1 }, ['input.maxActivations']],
  ['a limit over a billion', { maxActivations: 1_000_000_001 }, ['input.maxActivations']],
  ['a negative grace', { gracePeriodDays: -1 }, ['input.gracePeriodDays']],
  ['a grace of over ten years', { gracePeriodDays: 3651 }, ['input.gracePeriodDays']],
  ['an empty holder', { issuedTo: ' ' }, ['input.issuedTo']],
  ['a holder of 256 characters', { issuedTo: 'x'.repeat(256) }, ['input.issuedTo']],
  ['a NUL in the holder', { issuedTo: 'Ada\0' }, ['input.issuedTo']],
  ['half of a surrogate pair in the holder', { issuedTo: 'Ada \ud83d' }, ['input.issuedTo']],
  ['half of a surrogate pair in metadata', { metadata: { a: ['\udc00'] } }, ['input.metadata']],
  ['a NUL in the name of a metadata member', { metadata: { 'a\0': 1 } }, ['input.metadata']],
  ['a product code that is none', { productId: 'no code' }, ['input.productId']],
  [
    'a feature twice',
    { features: ['a', 'b', 'a'].map((featureId) => ({ featureId, featureName: 'F' })) },
    ['input.features.2.featureId'],
  ],
  [
    'a feature whose limit is negative',
    { features: [{ featureId: 'a', featureName: 'F', limitValue: -1 }] },
    ['input.features.0.limitValue'],
  ],
  [
    'restrictions that do not parse',
    {
      restrictions: [
        { restrictionType: 'IP_RANGE', operator: 'ALLOW', values: ['10.0.0.0/8', '10.0.0.0/33'] },
        { restrictionType: 'DOMAIN', operator: 'ALLOW', values: [] },
      ],
    },
    ['input.restrictions.0.values.1', 'input.restrictions.1.values'],
  ],
  [
    'several at once',
    { issuedTo: '', maxActivations: -1, gracePeriodDays: -1 },
    ['input.issuedTo', 'input.maxActivations', 'input.gracePeriodDays'],
  ],
])('%s is refused, every wrong field named', async (_, input, fields) => {
  expect(await wrongFields(input)).toEqual(fields);
});

describe('what it refers to', () => {
  const nobody = '01930000-0000-7000-8000-000000000000';

  test('an unknown product, customer or reseller is refused by its id', async () => {
    const input = basics();
    const product = { ...input, productId: 'NO-SUCH' };
    const unknown = await refusedAct(server, shop.admin, 'createLicense', product, 'PRODUCT_NOT_FOUND');
    await refusedAct(
      server,
      shop.admin,
      'createLicense',
      { ...input, customerId: nobody },
      'CUSTOMER_NOT_FOUND',
    );
    await refusedAct(
      server,
      shop.admin,
      'createLicense',
      { ...input, resellerId: nobody },
      'RESELLER_NOT_FOUND',
    );

    expect(unknown.extensions.id).toBe('NO-SUCH');
  });

  test("another tenant's customer and product are refused as if they did not exist", async () => {
    const other = await openShop(server);
    const theirs = await createCustomer(server, other.admin);
    const customer = { ...basics(), customerId: theirs };
    const product = { ...basics(), productId: other.productId };

    await refusedAct(server, shop.admin, 'createLicense', customer, 'CUSTOMER_NOT_FOUND');
    await refusedAct(server, shop.admin, 'createLicense', product, 'PRODUCT_NOT_FOUND');
  });

  test('a customer that is switched off receives nothing', async () => {
    const customerId = await createCustomer(server, shop.admin);
    const off = { input: { customerId, status: 'INACTIVE' } };
    await server.ok(mutation('updateCustomer', 'customer { id }'), off, shop.admin);

    await refusedAct(server, shop.admin, 'createLicense', { ...basics(), customerId }, 'CUSTOMER_INACTIVE');
  });
});

describe('who may', () => {
  const roles = ['auditor', 'support', 'reseller', 'customer', 'application'] as const;

  test.each(roles)('%s may not', async (role) => {
    const as = inRole(shop.admin, role);

    await refusedAct(server, as, 'createLicense', basics(), 'FORBIDDEN');
  });

  test('nobody may without a token', async () => {
    const answer = await server.graphql(mutation('createLicense', 'licenseKey'), { input: basics() });

    expect(answer.code).toBe('UNAUTHENTICATED');
  });

  test('a caller who is bound to a customer makes licenses of that customer only', async () => {
    const other = await createCustomer(server, shop.admin);
    const as: Claims = {
      tenant_id: shop.admin.tenant_id,
      permissions: ['license.create', 'license.read', 'license.read_metadata'],
      customer_id: shop.customerId,
    };

    const { license } = await create(as, {});

    expect(license.customerId).toBe(shop.customerId);
    await refusedAct(server, as, 'createLicense', { ...basics(), customerId: other }, 'CUSTOMER_NOT_FOUND');
  });

  test('a caller who is bound to a reseller makes no license of the whole tenant', async () => {
    const made = await server.ok(
      mutation('createReseller', 'reseller { id }'),
      { input: { name: 'Northwind' } },
      shop.admin,
    );
    const as: Claims = {
      tenant_id: shop.admin.tenant_id,
      permissions: ['license.create'],
      reseller_id: String(made.createReseller?.reseller?.id),
    };

    expect(await wrongFields({}, as)).toEqual(['input.customerId']);
  });
});
