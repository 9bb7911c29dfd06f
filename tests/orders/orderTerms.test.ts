import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createCustomer, createTemplate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { createOrder } from '../support/orders.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server, { features });
});
afterAll(() => server.stop());

const feature = (featureId: string, more: object = {}) => ({ featureId, featureName: featureId, ...more });
const features = [
  feature('api', { defaultLimit: 1000, limitType: 'COUNT', limitPeriod: 'MONTH', configurable: true }),
  feature('sso', { included: false, configurable: true }),
  feature('reports', { required: true, configurable: true }),
  feature('audit', { defaultLimit: 5 }),
  feature('gold', { included: false }),
];

const template = (input: object) => createTemplate(server, shop.admin, shop.productId, input);
const price = (input: object) => ({
  pricing: { basePrice: '0', currency: 'USD', billingCycle: 'ANNUALLY', ...input },
});

describe('what an order asks for beside the template', () => {
  const custom = (...customFeatures: object[]) => ({ customFeatures });
  const wish = (featureId: string, more: object = {}) => ({ featureId, featureName: 'Free word', ...more });
  const buyer = (): Claims => ({
    tenant_id: shop.admin.tenant_id,
    roles: ['customer'],
    customer_id: shop.customerId,
  });
  const inputOf = (input: object) => ({ templateId: shop.templateId, ...input });

  test("configurable features are had otherwise; name, unit and period stay the template's", async () => {
    const input = custom(wish('api', { limitValue: 5000 }), wish('sso'));

    const order = await createOrder(
      server,
      shop,
      input,
      'terms { features { featureId featureName limitValue limitType limitPeriod } }',
      buyer(),
    );

    const plain = { limitType: null, limitPeriod: 'NONE' };
    expect(order.terms?.features).toEqual([
      { featureId: 'api', featureName: 'api', limitValue: 5000, limitType: 'COUNT', limitPeriod: 'MONTH' },
      { featureId: 'sso', featureName: 'sso', limitValue: null, ...plain },
      { featureId: 'reports', featureName: 'reports', limitValue: null, ...plain },
      { featureId: 'audit', featureName: 'audit', limitValue: 5, ...plain },
    ]);
  });

  test('every wish that the template does not offer is named', async () => {
    const wishes = custom(
      wish('audit', { limitValue: 6 }),
      wish('gold'),
      wish('reports', { enabled: false }),
      wish('unknown'),
      wish('api', { limitValue: 2, limitType: 'SIZE' }),
      wish('sso'),
      wish('sso'),
    );

    expect(await refusedFields(server, buyer(), 'createOrder', inputOf(wishes))).toEqual([
      'input.customFeatures.6.featureId',
      'input.customFeatures.0.featureId',
      'input.customFeatures.1.featureId',
      'input.customFeatures.2.featureId',
      'input.customFeatures.3.featureId',
      'input.customFeatures.4.featureId',
    ]);
  });

  test('who may override prices orders what the template does not offer, and still nothing without what is required', async () => {
    const order = await createOrder(
      server,
      shop,
      custom(wish('audit', { limitValue: 6 }), wish('gold'), wish('extra', { limitValue: 1 })),
      'terms { features { featureId limitValue } }',
    );

    expect(order.terms?.features).toEqual([
      { featureId: 'api', limitValue: 1000 },
      { featureId: 'reports', limitValue: null },
      { featureId: 'audit', limitValue: 6 },
      { featureId: 'gold', limitValue: null },
      { featureId: 'extra', limitValue: 1 },
    ]);
    const without = { ...inputOf(custom(wish('reports', { enabled: false }))), customerId: shop.customerId };
    expect(await refusedFields(server, shop.admin, 'createOrder', without)).toEqual([
      'input.customFeatures.0.featureId',
    ]);
  });

  test('configurable restrictions are replaced, and what names a device is kept as a hash', async () => {
    const templateId = await template({
      restrictions: [
        { restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', configurable: false, defaultValues: ['DE'] },
        {
          restrictionType: 'MAC_ADDRESS',
          operator: 'ALLOW',
          configurable: true,
          defaultValues: ['00:1A:2B:3C:4D:5E'],
        },
      ],
    });
    const geo = { restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['FR'] };
    const mac = { restrictionType: 'MAC_ADDRESS', operator: 'ALLOW', values: ['AA:BB:CC:DD:EE:FF'] };
    const selection = 'terms { restrictions { restrictionType values } }';

    const order = await createOrder(
      server,
      shop,
      { templateId, customRestrictions: [mac] },
      selection,
      buyer(),
    );

    expect(order.terms?.restrictions).toEqual([
      { restrictionType: 'GEOGRAPHIC', values: ['DE'] },
      { restrictionType: 'MAC_ADDRESS', values: [expect.stringMatching(/^k1\.[\w-]{43}$/)] },
    ]);
    const input = { templateId, customRestrictions: [geo, { ...mac, operator: 'DENY' }, mac, mac] };
    expect(await refusedFields(server, buyer(), 'createOrder', input)).toEqual([
      'input.customRestrictions.0.restrictionType',
      'input.customRestrictions.1.restrictionType',
      'input.customRestrictions.3.restrictionType',
    ]);
  });

  test('what is paid once lasts as long as its template says, and so does a trial', async () => {
    const once = await template(price({ basePrice: '10', billingCycle: 'ONE_TIME' }));
    const trial = await template({ licenseType: 'TRIAL' });

    expect(
      await refusedFields(server, buyer(), 'createOrder', { templateId: once, durationOverride: 36_500 }),
    ).toEqual(['input.durationOverride']);
    expect(
      await refusedFields(server, shop.admin, 'createOrder', {
        templateId: trial,
        customerId: shop.customerId,
        durationMonths: 60,
      }),
    ).toEqual(['input.durationMonths']);
    expect(
      await refusedFields(
        server,
        buyer(),
        'createOrder',
        inputOf({ durationOverride: 5, durationMonths: 5 }),
      ),
    ).toEqual(['input.durationOverride', 'input.durationMonths']);
  });

  test.each(['a second line\nof an invoice', 'sold \u202efor less', 'VAT\u0007'])(
    'a tax is one line that is seen as it is: %j is refused',
    async (name) => {
      const input = inputOf({ taxes: [{ name, percentage: '1' }] });

      expect(await refusedFields(server, shop.admin, 'createOrder', input)).toEqual(['input.taxes.0.name']);
    },
  );

  test('wrong prices, taxes and lists are named together', async () => {
    const input = {
      ...inputOf({}),
      customerId: shop.customerId,
      pricingOverride: { basePrice: '-1', currency: 'XXQ' },
      taxes: [{ name: 'VAT', percentage: '101' }],
    };

    expect(await refusedFields(server, shop.admin, 'createOrder', input)).toEqual([
      'input.pricingOverride.basePrice',
      'input.pricingOverride.currency',
      'input.taxes.0.percentage',
    ]);
    expect(
      await refusedFields(server, shop.admin, 'createOrder', {
        ...inputOf({ quantity: 100_001 }),
        renewLicenseIds: ['x'],
      }),
    ).toEqual(['input.quantity', 'input.renewLicenseIds.0']);
  });
});

test("the tenant's own taxes are on every order, unless the office says others", async () => {
  const own = await openShop(server);
  const invoices = { taxes: [{ name: 'VAT', percentage: '19' }] };
  await server.ok(mutation('updateTenantSettings', '__typename'), { input: { invoices } }, own.admin);
  const buyer: Claims = { tenant_id: own.admin.tenant_id, roles: ['customer'], customer_id: own.customerId };

  const bought = await createOrder(server, own, {}, 'tax totalAmount', buyer);
  const exempt = await createOrder(server, own, { taxes: [] }, 'tax totalAmount');

  expect([bought, exempt]).toEqual([
    { tax: '19', totalAmount: '119' },
    { tax: '0', totalAmount: '100' },
  ]);
});

describe('who orders', () => {
  test('a customer orders for itself alone, at the prices of the template', async () => {
    const customer: Claims = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: shop.customerId,
    };
    const stranger = await createCustomer(server, shop.admin, 'Bo');
    const input = { templateId: shop.templateId };

    const order = await createOrder(server, shop, { customerId: null }, 'customerId status', customer);

    expect(order).toEqual({ customerId: shop.customerId, status: 'PENDING' });
    await refusedAct(
      server,
      customer,
      'createOrder',
      { ...input, customerId: stranger },
      'CUSTOMER_NOT_FOUND',
    );
    await refusedAct(
      server,
      customer,
      'createOrder',
      { ...input, pricingOverride: { basePrice: '0' } },
      'FORBIDDEN',
    );
    await refusedAct(server, customer, 'createOrder', { ...input, taxes: [] }, 'FORBIDDEN');
    const bold = { ...customer, permissions: ['order.override_price'] };
    await refusedAct(
      server,
      bold,
      'createOrder',
      { ...input, pricingOverride: { basePrice: '0' } },
      'FORBIDDEN',
    );
  });

  test('a reseller orders for its own customers, and sells in its own name', async () => {
    const resellerId = await createReseller(server, shop.admin);
    const other = await createReseller(server, shop.admin);
    const [mine, theirs] = [
      await createCustomer(server, shop.admin),
      await createCustomer(server, shop.admin),
    ];
    await server.sql`update customers set reseller_id = ${resellerId} where id = ${mine}`;
    await server.sql`update customers set reseller_id = ${other} where id = ${theirs}`;
    const reseller: Claims = {
      tenant_id: shop.admin.tenant_id,
      roles: ['reseller'],
      reseller_id: resellerId,
    };
    const input = { templateId: shop.templateId };

    const order = await createOrder(server, shop, { customerId: mine }, 'customerId resellerId', reseller);

    expect(order).toEqual({ customerId: mine, resellerId });
    await refusedAct(server, reseller, 'createOrder', { ...input, customerId: theirs }, 'CUSTOMER_NOT_FOUND');
    await refusedAct(
      server,
      reseller,
      'createOrder',
      { ...input, customerId: mine, resellerId: other },
      'RESELLER_NOT_FOUND',
    );
    expect(await refusedFields(server, reseller, 'createOrder', input)).toEqual(['input.customerId']);
  });

  test("another tenant's template, customer and reseller are not there; what is switched off is not sold", async () => {
    const foreign = await openShop(server);
    const input = { templateId: shop.templateId, customerId: shop.customerId };
    const off = await template({ active: false });

    await refusedAct(
      server,
      shop.admin,
      'createOrder',
      { ...input, templateId: foreign.templateId },
      'TEMPLATE_NOT_FOUND',
    );
    await refusedAct(
      server,
      shop.admin,
      'createOrder',
      { ...input, customerId: foreign.customerId },
      'CUSTOMER_NOT_FOUND',
    );
    await refusedAct(
      server,
      shop.admin,
      'createOrder',
      { ...input, resellerId: randomUUID() },
      'RESELLER_NOT_FOUND',
    );
    await refusedAct(server, shop.admin, 'createOrder', { ...input, templateId: off }, 'TEMPLATE_INACTIVE');
    const { id } = await issueLicense(server, foreign);
    await refusedAct(
      server,
      shop.admin,
      'createOrder',
      { ...input, renewLicenseIds: [id] },
      'LICENSE_NOT_FOUND',
    );
  });
});
