import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, inRole, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const pricing = { basePrice: '299', currency: 'USD', billingCycle: 'ANNUALLY' };
const basics = () => ({
  templateName: 'Enterprise',
  productId: shop.productId,
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_SEAT',
  pricing,
});
const selection = `id version templateName productId description licenseType licenseModel defaultDuration maxActivations
  features { featureId featureName included defaultLimit limitType limitPeriod configurable required }
  restrictions { restrictionType operator configurable defaultValues }
  pricing { basePrice currency billingCycle perSeatPrice setupFee maintenancePercentage
    volumeDiscounts { minQuantity maxQuantity discountPercentage discountAmount } }
  autoRenewalEnabled trialAllowed trialDurationDays gracePeriodDays active createdAt updatedAt`;

async function create(input: object, as: Claims = shop.admin): Promise<Json> {
  const query = mutation('createTemplate', `template { ${selection} }`);
  const data = await server.ok(query, { input: { ...basics(), ...input } }, as);
  const template = data.createTemplate?.template;
  if (template === undefined) throw new Error('no template was made');
  return template;
}

const wrongFields = (input: object) =>
  refusedFields(server, shop.admin, 'createTemplate', { ...basics(), ...input });

test('what is left out has the documented value', async () => {
  expect(await create({})).toEqual({
    ...basics(),
    id: expect.any(String),
    version: 1,
    description: '',
    defaultDuration: 365,
    maxActivations: 1,
    features: [],
    restrictions: [],
    pricing: {
      ...pricing,
      perSeatPrice: null,
      setupFee: null,
      maintenancePercentage: null,
      volumeDiscounts: [],
    },
    autoRenewalEnabled: true,
    trialAllowed: false,
    trialDurationDays: 30,
    gracePeriodDays: 30,
    active: true,
    createdAt: START,
    updatedAt: START,
  });
});

test('everything that is given is kept as it was given', async () => {
  const given = {
    description: 'For networks of\nany size',
    licenseType: 'CONCURRENT',
    licenseModel: 'ENTERPRISE',
    defaultDuration: 36_500,
    maxActivations: 1_000_000_000,
    features: [
      {
        featureId: 'api.calls',
        featureName: 'API calls',
        included: true,
        defaultLimit: Number.MAX_SAFE_INTEGER,
        limitType: 'BANDWIDTH',
        limitPeriod: 'YEAR',
        configurable: true,
        required: true,
      },
    ],
    restrictions: [
      {
        restrictionType: 'DOMAIN',
        operator: 'ALLOW',
        configurable: true,
        defaultValues: ['*.example.com', 'bücher.example'],
      },
      {
        restrictionType: 'TIME_BASED',
        operator: 'DENY',
        configurable: false,
        defaultValues: ['SUN 00:00-24:00 Asia/Tokyo'],
      },
    ],
    pricing: {
      basePrice: '999999999999999.9999',
      currency: 'CLF',
      billingCycle: 'ONE_TIME',
      perSeatPrice: '0.0001',
      setupFee: '0',
      maintenancePercentage: '17.5',
      volumeDiscounts: [
        { minQuantity: 10, maxQuantity: 49, discountPercentage: '10', discountAmount: null },
        { minQuantity: 50, maxQuantity: null, discountPercentage: '100', discountAmount: '12.34' },
      ],
    },
    autoRenewalEnabled: false,
    trialAllowed: true,
    trialDurationDays: 14,
    gracePeriodDays: 0,
  };

  expect(await create(given)).toMatchObject(given);
});

const discount = { minQuantity: 10, maxQuantity: 49, discountPercentage: '10' };
const priced = (more: object) => ({ pricing: { ...pricing, ...more } });
const feature = (featureId: string) => ({ featureId, featureName: 'F' });
const restricted = (restrictionType: string, ...defaultValues: string[]) => ({
  restrictions: [{ restrictionType, operator: 'ALLOW', defaultValues }],
});

describe('what does not fit is refused, every wrong field named', () => {
  test.each<[string, object, string[]]>([
    ['an empty name', { templateName: '' }, ['input.templateName']],
    ['a name of 256 characters', { templateName: 'x'.repeat(256) }, ['input.templateName']],
    ['a product code that is none', { productId: '-x' }, ['input.productId']],
    ['a duration of no days', { defaultDuration: 0 }, ['input.defaultDuration']],
    ['a duration of over a hundred years', { defaultDuration: 36_501 }, ['input.defaultDuration']],
    ['a negative limit', { maxActivations: -1 }, ['input.maxActivations']],
    ['a trial of no days', { trialDurationDays: 0 }, ['input.trialDurationDays']],
    ['a negative grace', { gracePeriodDays: -1 }, ['input.gracePeriodDays']],
    [
      'a required feature that is not included',
      { features: [feature('a'), { ...feature('b'), required: true, included: false }] },
      ['input.features.1.included'],
    ],
    [
      'faults within values and between them, at once',
      {
        templateName: '',
        ...priced({ basePrice: '-1', volumeDiscounts: [{ ...discount, minQuantity: 0 }, discount] }),
        features: [feature('a'), feature('a b'), { ...feature('a'), required: true, included: false }],
      },
      [
        'input.templateName',
        'input.features.1.featureId',
        'input.features.2.featureId',
        'input.features.2.included',
        'input.pricing.volumeDiscounts.0.minQuantity',
        'input.pricing.basePrice',
        'input.pricing.volumeDiscounts.0.maxQuantity',
      ],
    ],
    [
      'a feature twice',
      { features: [feature('a'), feature('b'), feature('a')] },
      ['input.features.2.featureId'],
    ],
    [
      'a feature id that is none',
      { features: [feature('a b'), feature('')] },
      ['input.features.0.featureId', 'input.features.1.featureId'],
    ],
    [
      'a negative feature limit',
      { features: [{ ...feature('a'), defaultLimit: -1 }] },
      ['input.features.0.defaultLimit'],
    ],
    [
      '201 features',
      { features: Array.from({ length: 201 }, (_, index) => feature(`f${index}`)) },
      ['input.features'],
    ],
    ['a restriction without values', restricted('DOMAIN'), ['input.restrictions.0.defaultValues']],
    [
      'several faults at once',
      { templateName: ' ', defaultDuration: 0, features: [feature('')] },
      ['input.templateName', 'input.defaultDuration', 'input.features.0.featureId'],
    ],
    [
      'faults of several parts at once',
      {
        ...priced({ currency: '$' }),
        features: [feature('a'), feature('a')],
        ...restricted('GEOGRAPHIC', 'UK'),
      },
      ['input.features.1.featureId', 'input.restrictions.0.defaultValues.0', 'input.pricing.currency'],
    ],
  ])('%s', async (_, input, fields) => {
    expect(await wrongFields(input)).toEqual(fields);
  });

  test.each([
    ['GEOGRAPHIC', ['US', 'de', 'XK'], ['UK', 'EU', 'ZZ', 'USA', 'U', '', 'U1']],
    [
      'DOMAIN',
      [
        'example.com',
        '*.a.example.com',
        'bücher.example',
        'Example.COM.',
        'xn--bcher-kva.example',
        'हिन्दी.भारत',
      ],
      [
        'example',
        '*.com.',
        'exa mple.com',
        '*.*.com',
        'http://example.com',
        '*example.com',
        'a..example',
        '-a.example',
        'xn--a-.example',
        '10.0.0.1',
        '[::1]',
        'a%2e.example',
        `${'a'.repeat(64)}.example`,
        `${'a.'.repeat(127)}example`,
      ],
    ],
    [
      'IP_RANGE',
      ['10.0.0.1', '10.0.0.0/8', '10.1.2.3/8', '::1', '2001:db8::/32', '::ffff:10.0.0.0/104'],
      [
        '10',
        '10.0',
        '010.0.0.1',
        '0x0a.0.0.1',
        '10.0.0.256',
        '10.0.0.0/33',
        '2001:db8::/129',
        ':::',
        '10.0.0.0/8/8',
        '10.0.0.0/',
        '10.0.0.0/08',
        '10.0.0.0/-1',
        'fe80::1%eth0',
        '::1/',
      ],
    ],
    [
      'MAC_ADDRESS',
      ['00:1A:2B:3C:4D:5E', '00-1a-2b-3c-4d-5e', '001a.2b3c.4d5e', '001A2B3C4D5E'],
      ['00:1A:2B:3C:4D', '00:1A:2B:3C:4D:5G', '001A2B3C4D5', '00:1A2B3C4D5E', '00:1A-2B:3C:4D:5E'],
    ],
    ['HARDWARE_ID', ['CPU-1', 'x'.repeat(255)], ['', 'x'.repeat(256)]],
    [
      'TIME_BASED',
      ['MON-FRI 08:00-18:00 Europe/Berlin', 'SUN 22:00-24:00 UTC', 'SAT-MON 22:00-06:00 America/New_York'],
      [
        'MON 8:00-18:00 UTC',
        'MON 08:00-24:30 UTC',
        'MON 24:00-24:00 UTC',
        'MON 08:00-18:00',
        'MON 08:00-18:00 Mars/Olympus',
        'mon 08:00-18:00 UTC',
        'MON-XXX 08:00-18:00 UTC',
        'MON 08:00-18:00 +02:00',
        'MON 08:00-18:00 2026-01-01T00:00Z[UTC]',
      ],
    ],
  ])('%s takes its own form of values', async (restrictionType, good, bad) => {
    const named = await wrongFields(restricted(restrictionType, ...good, ...bad));

    expect(named.map((field) => Number(field.split('.').at(-1)))).toEqual(
      bad.map((_, index) => good.length + index),
    );
  });
});

test('an unknown product is refused by its code, and so is that of another tenant', async () => {
  const other = await openShop(server);

  for (const productId of ['NO-SUCH', other.productId]) {
    const input = { ...basics(), productId };
    const error = await refusedAct(server, shop.admin, 'createTemplate', input, 'PRODUCT_NOT_FOUND');
    expect(error.message).toBe(`There is no product ${productId}.`);
  }
});

test('the making of a template writes one event', async () => {
  let template: Json | undefined;

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    template = await create({}, { ...shop.admin, sub: 'ada' });
  });

  expect(events).toEqual([
    {
      type: 'template.created',
      subjectId: template?.id,
      licenseId: null,
      actor: 'ada',
      data: { productId: shop.productId },
    },
  ]);
});

test.each(['auditor', 'support', 'reseller', 'customer', 'application'] as const)(
  '%s may not',
  async (role) => {
    const as = inRole(shop.admin, role);

    await refusedAct(server, as, 'createTemplate', basics(), 'FORBIDDEN');
  },
);

test('nobody may without a token', async () => {
  const answer = await server.graphql(mutation('createTemplate', '__typename'), { input: basics() });

  expect(answer.code).toBe('UNAUTHENTICATED');
});
