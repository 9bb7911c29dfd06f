import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { eventsDuring, inRole, mutation, readLicense, refusedAct, refusedFields } from '../support/acts.js';
import {
  activate,
  createCustomer,
  createTemplate,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const facts = `licenseKey licenseId customerId templateId tenantId productId productName licenseType licenseModel status
  issuedTo issuedDate expiryDate maxActivations currentActivations`;

async function issue(input: object = {}, selection = facts, as: Claims = shop.admin): Promise<Json> {
  const query = mutation('issueLicense', selection);
  const given = { customerId: shop.customerId, templateId: shop.templateId, ...input };
  const data = await server.ok(query, { input: given }, as);
  if (data.issueLicense === undefined) throw new Error('nothing was issued');
  return data.issueLicense;
}

test('an issued license reports its fifteen facts', async () => {
  expect(await issue()).toEqual({
    licenseKey: expect.stringMatching(/^([0-9A-F]{4}-){4}[0-9A-F]{4}$/),
    licenseId: expect.any(String),
    customerId: shop.customerId,
    templateId: shop.templateId,
    tenantId: shop.admin.tenant_id,
    productId: shop.productId,
    productName: 'Radar',
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'PER_DEVICE',
    status: 'ACTIVE',
    issuedTo: 'Ada Okafor',
    issuedDate: '2026-03-01T12:00:00.000Z',
    expiryDate: '2027-03-01T12:00:00.000Z',
    maxActivations: 5,
    currentActivations: 0,
  });
});

test('a device that activates twice takes one seat', async () => {
  const { licenseKey } = await issueLicense(server, shop);

  await activate(server, licenseKey, 'device-1');
  const again = await activate(server, licenseKey, 'device-1');

  expect(again.license).toEqual({ status: 'ACTIVE', currentActivations: 1 });
});

test('a license is issued to its customer by name unless another is given', async () => {
  const named = await issue({ issuedTo: 'Bo Lindqvist' }, 'issuedTo');
  const unnamed = await issue({ issuedTo: null }, 'issuedTo');

  expect([named.issuedTo, unnamed.issuedTo]).toEqual(['Bo Lindqvist', 'Ada Okafor']);
});

const template = (input: object) => createTemplate(server, shop.admin, shop.productId, input);
const feature = (featureId: string, more: object) => ({
  featureId,
  featureName: featureId.toUpperCase(),
  ...more,
});

describe('what carries over from the template', () => {
  test('features that are included are granted with their limits and periods, the others are not', async () => {
    const templateId = await template({
      features: [
        feature('api', { defaultLimit: 10_000, limitType: 'COUNT', limitPeriod: 'DAY' }),
        feature('support', { included: false, defaultLimit: 5 }),
        feature('sso', {}),
        feature('exports', { defaultLimit: 0 }),
      ],
    });

    const { license } = await issue(
      { templateId },
      'license { features { featureId featureName enabled limitValue limitType limitPeriod expiresAt } }',
    );

    const granted = { enabled: true, limitType: null, limitPeriod: 'NONE', expiresAt: null };
    expect(license?.features).toEqual([
      {
        ...granted,
        featureId: 'api',
        featureName: 'API',
        limitValue: 10_000,
        limitType: 'COUNT',
        limitPeriod: 'DAY',
      },
      { ...granted, featureId: 'sso', featureName: 'SSO', limitValue: null },
      { ...granted, featureId: 'exports', featureName: 'EXPORTS', limitValue: 0 },
    ]);
  });

  test('restrictions come with their values', async () => {
    const restrictions = [
      { restrictionType: 'GEOGRAPHIC', operator: 'DENY', defaultValues: ['KP', 'IR'] },
      {
        restrictionType: 'TIME_BASED',
        operator: 'ALLOW',
        defaultValues: ['MON-FRI 08:00-24:00 Europe/Berlin'],
      },
    ];
    const templateId = await template({ restrictions });

    const { license } = await issue(
      { templateId },
      'license { restrictions { restrictionType operator values } }',
    );

    expect(license?.restrictions).toEqual(
      restrictions.map(({ defaultValues, ...restriction }) => ({ ...restriction, values: defaultValues })),
    );
  });

  test('grace, limit, product, version of the template and automatic renewal come with it', async () => {
    const templateId = await template({ gracePeriodDays: 7, maxActivations: 3, autoRenewalEnabled: true });

    const { license } = await issue(
      { templateId },
      'license { gracePeriodDays maxActivations productVersion templateId templateVersion autoRenewal orderId trialPeriodDays }',
    );

    expect(license).toEqual({
      gracePeriodDays: 7,
      maxActivations: 3,
      productVersion: '2.0',
      templateId,
      templateVersion: 1,
      autoRenewal: true,
      orderId: null,
      trialPeriodDays: null,
    });
  });
});

describe('how a license begins', () => {
  const dates = 'license { licenseType status expiryDate maintenanceExpiry trialPeriodDays autoRenewal }';

  test('a subscription ends after the duration of its template, in days', async () => {
    const { license } = await issue({ templateId: await template({ defaultDuration: 30 }) }, dates);

    expect(license).toMatchObject({ status: 'ACTIVE', expiryDate: addDays(START, 30) });
  });

  test('a perpetual license has no expiry, its maintenance has', async () => {
    const templateId = await template({ licenseType: 'PERPETUAL', defaultDuration: 365 });

    const { license } = await issue({ templateId }, dates);

    expect(license).toEqual({
      licenseType: 'PERPETUAL',
      status: 'ACTIVE',
      expiryDate: null,
      maintenanceExpiry: addDays(START, 365),
      trialPeriodDays: null,
      autoRenewal: false,
    });
  });

  const waiting = { status: 'PENDING', expiryDate: null, maintenanceExpiry: null, autoRenewal: false };
  test.each(['TRIAL', 'EVALUATION'])(
    'a template of type %s issues licenses that wait',
    async (licenseType) => {
      const templateId = await template({ licenseType, trialDurationDays: 21, trialAllowed: false });

      const { license } = await issue({ templateId }, dates);

      expect(license).toEqual({ ...waiting, licenseType, trialPeriodDays: 21 });
    },
  );

  test('a trial of a template is asked for, and begins with its first activation', async () => {
    const issued = await issue({ trial: true }, `licenseKey licenseId ${dates}`);
    await activate(server, String(issued.licenseKey), 'device-1');

    expect(issued.license).toEqual({ ...waiting, licenseType: 'TRIAL', trialPeriodDays: 14 });
    const selection = 'status activationDate expiryDate';
    expect(await readLicense(server, shop.admin, String(issued.licenseId), selection)).toEqual({
      status: 'ACTIVE',
      activationDate: START,
      expiryDate: addDays(START, 14),
    });
  });

  test('a trial that the template does not allow is refused by the name of the field', async () => {
    const templateId = await template({ trialAllowed: false });

    const input = { customerId: shop.customerId, templateId, trial: true };
    const fields = await refusedFields(server, shop.admin, 'issueLicense', input);

    expect(fields).toEqual(['input.trial']);
  });
});

describe('what is refused', () => {
  const nobody = '01930000-0000-7000-8000-000000000000';
  const given = (input: object) => ({ customerId: shop.customerId, templateId: shop.templateId, ...input });

  test('a template or customer that does not exist, by its id', async () => {
    const noTemplate = given({ templateId: nobody });
    const template = await refusedAct(server, shop.admin, 'issueLicense', noTemplate, 'TEMPLATE_NOT_FOUND');
    const noCustomer = given({ customerId: nobody });
    const customer = await refusedAct(server, shop.admin, 'issueLicense', noCustomer, 'CUSTOMER_NOT_FOUND');

    expect(template.message).toBe(`There is no license template ${nobody}.`);
    expect(customer.message).toBe(`There is no customer ${nobody}.`);
  });

  test('a template or customer of another tenant, as if it did not exist', async () => {
    const other = await openShop(server);
    const theirTemplate = given({ templateId: other.templateId });
    const theirCustomer = given({ customerId: other.customerId });

    const error = await refusedAct(server, shop.admin, 'issueLicense', theirTemplate, 'TEMPLATE_NOT_FOUND');
    await refusedAct(server, shop.admin, 'issueLicense', theirCustomer, 'CUSTOMER_NOT_FOUND');

    expect(error.message).toBe(`There is no license template ${other.templateId}.`);
  });

  test('a template that is switched off', async () => {
    const templateId = await template({});
    const off = { input: { templateId, active: false } };
    await server.ok(mutation('updateTemplate', 'template { id }'), off, shop.admin);

    const error = await refusedAct(
      server,
      shop.admin,
      'issueLicense',
      given({ templateId }),
      'TEMPLATE_INACTIVE',
    );

    expect(error.extensions.id).toBe(templateId);
  });

  test('a customer who is switched off', async () => {
    const customerId = await createCustomer(server, shop.admin);
    const off = { input: { customerId, status: 'INACTIVE' } };
    await server.ok(mutation('updateCustomer', 'customer { id }'), off, shop.admin);

    await refusedAct(server, shop.admin, 'issueLicense', given({ customerId }), 'CUSTOMER_INACTIVE');
  });

  test.each([
    ['ids that are none', { customerId: 'x', templateId: '1' }, ['input.customerId', 'input.templateId']],
    ['a blank holder', { issuedTo: '  ' }, ['input.issuedTo']],
    ['a NUL in the holder', { issuedTo: 'a\0b' }, ['input.issuedTo']],
  ])('%s, every field named', async (_, input, fields) => {
    expect(await refusedFields(server, shop.admin, 'issueLicense', given(input))).toEqual(fields);
  });

  test.each(['auditor', 'support', 'customer', 'application'] as const)('the role %s', async (role) => {
    const as = inRole(shop.admin, role);

    await refusedAct(server, as, 'issueLicense', given({}), 'FORBIDDEN');
  });
});

describe('through a reseller', () => {
  async function reseller(): Promise<{ as: Claims; id: string; customerId: string }> {
    const made = await server.ok(
      mutation('createReseller', 'reseller { id }'),
      { input: { name: 'North' } },
      shop.admin,
    );
    const id = String(made.createReseller?.reseller?.id);
    const input = { name: 'Cy', resellerId: id };
    const data = await server.ok(mutation('createCustomer', 'customer { id }'), { input }, shop.admin);
    const as: Claims = { tenant_id: shop.admin.tenant_id, roles: ['reseller'], reseller_id: id };
    return { as, id, customerId: String(data.createCustomer?.customer?.id) };
  }
  const sellerOf = 'license { resellerId }';

  test('a reseller sells to its own customers, in its own name', async () => {
    const { as, id, customerId } = await reseller();

    expect(await issue({ customerId }, sellerOf, as)).toEqual({ license: { resellerId: id } });
  });

  test("a reseller does not sell to another's customer", async () => {
    const { as } = await reseller();
    const other = await reseller();

    const input = { templateId: shop.templateId, customerId: other.customerId };
    await refusedAct(server, as, 'issueLicense', input, 'CUSTOMER_NOT_FOUND');
  });

  test('what the vendor issues to the customer of a reseller was sold by that reseller', async () => {
    const { id, customerId } = await reseller();

    expect(await issue({ customerId }, sellerOf)).toEqual({ license: { resellerId: id } });
  });

  test('a reseller that is switched off sells nothing', async () => {
    const { as, id, customerId } = await reseller();
    const off = { input: { resellerId: id, status: 'INACTIVE' } };
    await server.ok(mutation('updateReseller', 'reseller { id }'), off, shop.admin);

    const input = { templateId: shop.templateId, customerId };
    const error = await refusedAct(server, as, 'issueLicense', input, 'RESELLER_INACTIVE');

    expect(error.extensions.id).toBe(id);
  });
});

test('issuing writes one event that says what and to whom, and holds no key', async () => {
  let issued: Json | undefined;

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    issued = await issue({}, 'licenseId', { ...shop.admin, sub: 'ada' });
  });

  const id = String(issued?.licenseId);
  const data = {
    product_id: shop.productId,
    license_type: 'SUBSCRIPTION',
    customer_id: shop.customerId,
    template_id: shop.templateId,
  };
  expect(events).toEqual([{ type: 'license.created', subjectId: id, licenseId: id, actor: 'ada', data }]);
});

test('a change of a template or of its product reaches no license that was made before', async () => {
  const templateId = await template({ features: [feature('api', { defaultLimit: 1 })] });
  const selection = `features { featureId limitValue } maxActivations gracePeriodDays expiryDate productName
    productVersion templateVersion restrictions { values } updatedAt`;
  const { licenseId } = await issue({ templateId }, 'licenseId');
  const before = await readLicense(server, shop.admin, String(licenseId), selection);

  const changes = { features: [], maxActivations: 99, gracePeriodDays: 0, defaultDuration: 1, active: false };
  const update = { input: { templateId, ...changes } };
  await server.ok(mutation('updateTemplate', 'template { id }'), update, shop.admin);
  const product = { input: { productId: shop.productId, name: 'Sonar', version: '9.0' } };
  await server.ok(mutation('updateProduct', 'product { id }'), product, shop.admin);

  expect(await readLicense(server, shop.admin, String(licenseId), selection)).toEqual(before);
});

test('a hundred licenses that are issued at once have a hundred keys', async () => {
  const issued = await Promise.all(Array.from({ length: 100 }, () => issue({}, 'licenseKey')));

  expect(new Set(issued.map((each) => each.licenseKey)).size).toBe(100);
});
