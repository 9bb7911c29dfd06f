import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSchema } from '../../src/server/schema.js';
import { mutation } from '../support/acts.js';
import { grantToTenant } from '../support/fixtures.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';
import { contentOf, nobodysWorld, openWorld, type World } from '../support/world.js';

let server: TestServer;
let own: World;
let foreign: World;
let nobodys: World;
beforeAll(async () => {
  server = await startTestServer();
  own = await openWorld(server);
  foreign = await openWorld(server);
  nobodys = nobodysWorld(own.admin);
});
afterAll(() => server.stop());

interface Asked {
  readonly query: string;
  readonly variables?: object;
}
/** An operation that names something of `there` in one place, and is the caller's own everywhere else. */
type Case = readonly [what: string, ask: (there: World, here: World) => Asked];

const one = (field: string, id: (there: World) => string, selection = 'id'): Case => [
  'by id',
  (there) => ({
    query: `query ($id: ID!) { ${field}(id: $id) { ${selection} } }`,
    variables: { id: id(there) },
  }),
];

const list = (field: string, type: string, what: string, filter: (there: World) => object): Case => [
  what,
  (there) => ({
    query: `query ($filter: ${type}) { ${field}(filter: $filter) { nodes { id } totalCount } }`,
    variables: { filter: filter(there) },
  }),
];

const act = (name: string, what: string, input: (there: World, here: World) => object): Case => [
  what,
  (there, here) => ({ query: mutation(name, '__typename'), variables: { input: input(there, here) } }),
];

const onLicense = (name: string, input: object = {}): readonly Case[] => [
  act(name, 'a license', ({ licenseId }) => ({ licenseId, ...input })),
];

const newLicense = (here: World) => ({
  productId: here.productId,
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  issuedTo: 'Ada',
});
const newTemplate = {
  templateName: 'T',
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  pricing: { basePrice: '1', currency: 'USD', billingCycle: 'ANNUALLY' },
};

/** Root fields that take nothing by which something of another tenant could be named. */
const namesNothing = [
  'viewer',
  'entitlements',
  'featureFlags',
  'apiAccess',
  'createReseller',
  'createProduct',
  'customers',
  'resellers',
  'products',
];

/** Root fields that write also when they find nothing: each has a test of its own. */
const asksApart = ['exportLicenses'];

const cases: Readonly<Record<string, readonly Case[]>> = {
  customer: [one('customer', ({ customerId }) => customerId)],
  reseller: [one('reseller', ({ resellerId }) => resellerId)],
  product: [one('product', ({ productId }) => productId)],
  template: [one('template', ({ templateId }) => templateId)],
  license: [one('license', ({ licenseId }) => licenseId)],
  activation: [one('activation', ({ activationId }) => activationId)],
  order: [one('order', ({ orderId }) => orderId)],
  licenseByKey: [
    [
      'by key',
      ({ licenseKey }) => ({ query: `{ licenseByKey(licenseKey: "${licenseKey}") { id issuedTo } }` }),
    ],
  ],
  licenses: [
    list('licenses', 'LicenseFilter', 'of a customer', ({ customerId }) => ({ customerId })),
    list('licenses', 'LicenseFilter', 'of a reseller', ({ resellerId }) => ({ resellerId })),
    list('licenses', 'LicenseFilter', 'of a product', ({ productId }) => ({ productId })),
    list('licenses', 'LicenseFilter', 'of a template', ({ templateId }) => ({ templateId })),
  ],
  activations: [
    list('activations', 'ActivationFilter', 'of a license', ({ licenseId }) => ({ licenseId })),
    list('activations', 'ActivationFilter', 'of a device', ({ licenseId }) => ({
      licenseId,
      deviceFingerprint: 'laptop',
    })),
  ],
  orders: [list('orders', 'OrderFilter', 'of a customer', ({ customerId }) => ({ customerId }))],
  templates: [list('templates', 'TemplateFilter', 'of a product', ({ productId }) => ({ productId }))],
  events: [
    list('events', 'EventFilter', 'of a license', ({ licenseId }) => ({ subjectId: licenseId })),
    list('events', 'EventFilter', 'of a customer', ({ customerId }) => ({ subjectId: customerId })),
    list('events', 'EventFilter', 'of a product', ({ productId }) => ({ subjectId: productId })),
  ],
  validateLicenseKey: [
    [
      'a key',
      ({ licenseKey }) => ({
        query: `{ validateLicenseKey(licenseKey: "${licenseKey}", deviceFingerprint: "laptop") {
          valid code license { id } activation { id } } }`,
      }),
    ],
  ],
  validateActivation: [
    [
      'a token',
      ({ activationToken }) => ({
        query: `{ validateActivation(activationToken: "${activationToken}") {
          valid code license { id } activation { id } } }`,
      }),
    ],
  ],
  createCustomer: [act('createCustomer', 'a reseller', ({ resellerId }) => ({ name: 'Ada', resellerId }))],
  updateCustomer: [
    act('updateCustomer', 'a customer', ({ customerId }) => ({ customerId, name: 'Mallory' })),
    act('updateCustomer', 'a reseller', ({ resellerId }, { customerId }) => ({ customerId, resellerId })),
  ],
  updateReseller: [
    act('updateReseller', 'a reseller', ({ resellerId }) => ({ resellerId, name: 'Mallory' })),
  ],
  updateProduct: [act('updateProduct', 'a product', ({ productId }) => ({ productId, name: 'Mallory' }))],
  createTemplate: [act('createTemplate', 'a product', ({ productId }) => ({ ...newTemplate, productId }))],
  updateTemplate: [
    act('updateTemplate', 'a template', ({ templateId }) => ({ templateId, templateName: 'Mallory' })),
  ],
  duplicateTemplate: [
    act('duplicateTemplate', 'a template', ({ templateId }) => ({ templateId, newName: 'Mallory' })),
  ],
  createLicense: [
    act('createLicense', 'a product', ({ productId }, here) => ({ ...newLicense(here), productId })),
    act('createLicense', 'a customer', ({ customerId }, here) => ({ ...newLicense(here), customerId })),
    act('createLicense', 'a reseller', ({ resellerId }, here) => ({ ...newLicense(here), resellerId })),
  ],
  issueLicense: [
    act('issueLicense', 'a template', ({ templateId }, { customerId }) => ({ templateId, customerId })),
    act('issueLicense', 'a customer', ({ customerId }, { templateId }) => ({ templateId, customerId })),
  ],
  updateLicense: onLicense('updateLicense', { issuedTo: 'Mallory' }),
  renewLicense: onLicense('renewLicense', { durationMonths: 1 }),
  suspendLicense: onLicense('suspendLicense', { reason: 'x' }),
  reinstateLicense: onLicense('reinstateLicense'),
  revokeLicense: onLicense('revokeLicense', { reason: 'x' }),
  revealLicenseKey: onLicense('revealLicenseKey'),
  transferLicense: [
    ...onLicense('transferLicense', { newIssuedTo: 'Mallory', transferReason: 'x' }),
    act('transferLicense', 'a customer', ({ customerId }, { licenseId }) => ({
      licenseId,
      newCustomerId: customerId,
      newIssuedTo: 'Mallory',
      transferReason: 'x',
    })),
  ],
  activateLicense: [
    act('activateLicense', 'a key', ({ licenseKey }) => ({ licenseKey, deviceFingerprint: 'laptop' })),
  ],
  sendHeartbeat: [act('sendHeartbeat', 'a token', ({ activationToken }) => ({ activationToken }))],
  deactivateActivation: [
    act('deactivateActivation', 'an activation', ({ activationId }) => ({ activationId })),
    act('deactivateActivation', 'a token', ({ activationToken }) => ({ activationToken })),
  ],
};

/** Where the answer repeats the name that it was asked for, the name is left out of the comparison. */
function unnamed(answer: Answer, there: World): unknown {
  const { admin: _, ...names } = there;
  let text = JSON.stringify(answer);
  for (const [name, value] of Object.entries(names)) text = text.replaceAll(String(value), name);
  return JSON.parse(text);
}

test('every root field is asked for what belongs to another tenant, or names nothing', () => {
  const schema = createSchema();
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}));

  expect([...Object.keys(cases), ...namesNothing, ...asksApart].toSorted()).toEqual(fields.toSorted());
});

const table = Object.entries(cases).flatMap(([field, asked]) =>
  asked.map(([what, ask]) => [field, what, ask] as const),
);

describe('what another tenant has', () => {
  test.each(table)('%s, %s: answers as for what does not exist, and writes nothing', async (_f, _w, ask) => {
    const before = await contentOf(server);
    const [theirs, none] = [ask(foreign, own), ask(nobodys, own)];

    const forTheirs = await server.graphql(theirs.query, theirs.variables, own.admin);
    const forNone = await server.graphql(none.query, none.variables, own.admin);

    expect(unnamed(forTheirs, foreign)).toEqual(unnamed(forNone, nobodys));
    expect(await contentOf(server)).toBe(before);
  });

  test.each(table)('%s, %s: what is the own is answered otherwise', async (_field, _what, ask) => {
    const world = await openWorld(server);
    const [mine, none] = [ask(world, world), ask(nobodys, world)];

    const forNone = await server.graphql(none.query, none.variables, world.admin);
    const forMine = await server.graphql(mine.query, mine.variables, world.admin);

    expect(unnamed(forMine, world)).not.toEqual(unnamed(forNone, nobodys));
  });

  test('no list shows it', async () => {
    const lists = ['customers', 'resellers', 'products', 'templates', 'licenses', 'activations', 'orders'];
    const query = `{ ${lists.map((field) => `${field}(first: 100) { totalCount nodes { id } }`).join(' ')}
      events { nodes { id subjectId data } } entitlements { licenseIds } featureFlags { name }
      viewer { tenant { id } } }`;

    const answer = JSON.stringify(await server.ok(query, {}, own.admin));

    const { admin, ...names } = foreign;
    for (const name of [admin.tenant_id, ...Object.values(names)]) expect(answer).not.toContain(name);
    for (const name of [own.admin.tenant_id, own.licenseId, own.orderId]) expect(answer).toContain(name);
  });

  test('an export of a customer of another tenant is empty', async () => {
    const world = await openWorld(server);
    await grantToTenant(server, world, [{ featureId: 'bulk_export', limitValue: 10 }]);
    const exported = async (customerId: string): Promise<unknown> => {
      const input = { filter: { customerId }, format: 'JSON' };
      return (await server.ok(mutation('exportLicenses', 'count content truncated'), { input }, world.admin))
        .exportLicenses;
    };

    expect(await exported(foreign.customerId)).toEqual({ count: 0, content: '[]', truncated: false });
    expect(await exported(world.customerId)).toMatchObject({ count: 1 });
  });

  test('a product code is free although another tenant uses it', async () => {
    const input = { productId: foreign.productId, name: 'Radar', version: '1' };

    const data = await server.ok(mutation('createProduct', 'product { id name }'), { input }, own.admin);

    expect(data.createProduct?.product).toEqual({ id: foreign.productId, name: 'Radar' });
  });
});
