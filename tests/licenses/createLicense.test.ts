import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { eventsDuring, mutation, readLicense, refusedAct, refusedFields } from '../support/acts.js';
import { activate, createCustomer, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let manager: Claims;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  manager = { tenant_id: shop.admin.tenant_id, roles: ['manager'] };
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
const newKey = (): string =>
  (randomUUID().replaceAll('-', '').toUpperCase().slice(0, 20).match(/.{4}/g) ?? []).join('-');

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

describe('imports', () => {
  test('key, status and issue date are obeyed for who may import', async () => {
    const key = newKey();

    const { license, licenseKey } = await create(shop.admin, {
      licenseType: 'TRIAL',
      trialPeriodDays: 30,
      licenseKey: ` ${key.toLowerCase().replaceAll('-', ' ')} `,
      status: 'ACTIVE',
      issuedDate: '2026-02-15T00:00:00Z',
      expiryDate: '2026-03-20T00:00:00Z',
    });

    expect(licenseKey).toBe(key);
    expect(license).toMatchObject({
      status: 'ACTIVE',
      issuedDate: '2026-02-15T00:00:00.000Z',
      expiryDate: '2026-03-20T00:00:00.000Z',
    });
  });

  test('an imported trial that has begun ends with its length when no expiry is given', async () => {
    const input = {
      licenseType: 'TRIAL',
      trialPeriodDays: 30,
      status: 'ACTIVE',
      issuedDate: '2026-02-15T00:00:00Z',
    };

    const { license } = await create(shop.admin, input);

    expect(license).toMatchObject({ status: 'ACTIVE', expiryDate: '2026-03-17T00:00:00.000Z' });
  });

  test('letters beyond hexadecimal are taken in an imported key', async () => {
    const licenseKey = 'ZZZZ-YYYY-XXXX-0000-9999';

    expect((await create(shop.admin, { licenseKey })).licenseKey).toBe(licenseKey);
  });

  test('a license that expired before it was imported reads so from the first answer on', async () => {
    const { license } = await create(shop.admin, {
      issuedDate: '2024-01-01T00:00:00Z',
      expiryDate: '2025-01-01T00:00:00Z',
    });

    expect(license.status).toBe('SUSPENDED');
  });

  test('who may not import has them ignored', async () => {
    const key = newKey();
    const input = { licenseKey: key, status: 'PENDING', issuedDate: '2020-01-01T00:00:00Z' };

    const { license, licenseKey } = await create(manager, input);

    expect(licenseKey).not.toBe(key);
    expect(license).toMatchObject({ status: 'ACTIVE', issuedDate: START });
  });

  test.each([
    ['of the form of no key', { licenseKey: 'ABCD-EFGH' }, ['input.licenseKey']],
    ['with letters that no key has', { licenseKey: 'ÄBCD-EFGH-IJKL-MNOP-QRST' }, ['input.licenseKey']],
    ['as REVOKED', { status: 'REVOKED' }, ['input.status']],
    ['as EXPIRED', { status: 'EXPIRED' }, ['input.status']],
    ['as PENDING though it is no trial', { status: 'PENDING' }, ['input.status']],
    ['issued in the future', { issuedDate: '2026-03-01T12:00:00.001Z' }, ['input.issuedDate']],
    [
      'with a bad key and a bad status at once',
      { licenseKey: '1', status: 'SUSPENDED' },
      ['input.licenseKey', 'input.status'],
    ],
  ])('a license %s is refused', async (_, input, fields) => {
    expect(await wrongFields(input)).toEqual(fields);
  });

  test('a key is taken by one license only, in whatever spelling', async () => {
    const { licenseKey } = await createLicense(server, shop);

    const input = { ...basics(), licenseKey: licenseKey.toLowerCase().replaceAll('-', '') };
    const error = await refusedAct(server, shop.admin, 'createLicense', input, 'ALREADY_EXISTS');

    expect(error.extensions.fields?.map((problem) => problem.field)).toEqual(['input.licenseKey']);
    expect(error.message).not.toContain(licenseKey);
  });

  test('a key of another tenant is taken as well', async () => {
    const other = await openShop(server);
    const { licenseKey } = await createLicense(server, other);

    await refusedAct(server, shop.admin, 'createLicense', { ...basics(), licenseKey }, 'ALREADY_EXISTS');
  });

  test('of two imports of one key at once exactly one succeeds', async () => {
    const input = { ...basics(), licenseKey: newKey() };
    const send = () => server.graphql(mutation('createLicense', 'licenseKey'), { input }, shop.admin);

    const answers = await Promise.all([send(), send(), send()]);

    expect(answers.map((answer) => answer.code).toSorted()).toEqual([
      'ALREADY_EXISTS',
      'ALREADY_EXISTS',
      undefined,
    ]);
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
    const as = { tenant_id: shop.admin.tenant_id, roles: [role] };

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
      permissions: ['license.create', 'license.read'],
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
