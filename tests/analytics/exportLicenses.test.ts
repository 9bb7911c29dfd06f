import { afterAll, beforeAll, expect, test } from 'vitest';
import { csvOf } from '../../src/analytics/model.js';
import { addDays } from '../../src/core/clock.js';
import { actOn, eventsDuring, inRole, mutation, refusedAct } from '../support/acts.js';
import {
  activate,
  createCustomer,
  createLicense,
  grantToTenant,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

async function licensedShop(): Promise<Shop> {
  const shop = await openShop(server);
  await grantToTenant(server, shop, [{ featureId: 'bulk_export', limitValue: 100 }], {
    issuedTo: 'The vendor',
  });
  return shop;
}

async function exported(as: Claims, input: object): Promise<Json> {
  const query = mutation('exportLicenses', 'content mediaType count truncated');
  const { exportLicenses } = await server.ok(query, { input }, as);
  if (exportLicenses === undefined) throw new Error('nothing was exported');
  return exportLicenses;
}

const columns =
  'id,license_key,product_id,product_name,license_type,license_model,status,customer_id,issued_to,max_activations,current_activations,issued_date,expiry_date,auto_renewal';

test('an export has a header and a line a license, keys masked, statuses of this moment', async () => {
  const shop = await licensedShop();
  const { id, licenseKey } = await issueLicense(server, shop);
  await activate(server, licenseKey, 'device-1');
  server.now = addDays(START, 366);

  const answer = await exported(shop.admin, { format: 'CSV', filter: { customerId: shop.customerId } });
  server.now = START;

  const mask = `${licenseKey.slice(0, 4)}-****-****-****-${licenseKey.slice(-4)}`;
  const line = `${id},${mask},${shop.productId},Radar,SUBSCRIPTION,PER_DEVICE,EXPIRED,${shop.customerId},Ada Okafor,5,1,2026-03-01T12:00:00.000Z,2027-03-01T12:00:00.000Z,true`;
  expect(answer).toEqual({
    content: `${columns}\r\n${line}\r\n`,
    mediaType: 'text/csv; charset=utf-8',
    count: 1,
    truncated: false,
  });
});

test('seats in an export are those that the graph answers, leases that ran out left out', async () => {
  const shop = await licensedShop();
  const license = await createLicense(server, shop, {
    licenseType: 'CONCURRENT',
    customerId: shop.customerId,
    maxActivations: 5,
  });
  await activate(server, license.licenseKey, 'device-1');
  const filter = { customerId: shop.customerId };

  const during = await exported(shop.admin, { format: 'JSON', filter });
  server.now = addDays(START, 1);
  const after = await exported(shop.admin, { format: 'JSON', filter });
  server.now = START;

  const seats = (answer: Json) => JSON.parse(String(answer.content))[0].current_activations;
  expect([seats(during), seats(after)]).toEqual([1, 0]);
});

test('JSON carries the same facts with their types', async () => {
  const shop = await licensedShop();
  const { id } = await createLicense(server, shop, {
    customerId: shop.customerId,
    issuedTo: '=1+1, "quoted"',
  });

  const answer = await exported(shop.admin, { format: 'JSON', filter: { customerId: shop.customerId } });

  expect(answer.mediaType).toBe('application/json');
  expect(JSON.parse(String(answer.content))).toEqual([
    expect.objectContaining({
      id,
      issued_to: '=1+1, "quoted"',
      status: 'ACTIVE',
      max_activations: 1,
      expiry_date: null,
      auto_renewal: false,
    }),
  ]);
});

test.each([
  ['a comma', 'Okafor, Ada', '"Okafor, Ada"'],
  ['quotes', 'Ada "the key" Okafor', '"Ada ""the key"" Okafor"'],
  ['a line end', 'Ada\r\nOkafor', '"Ada\r\nOkafor"'],
  ['a formula', '=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ['a plus', '+49 30 1234', "'+49 30 1234"],
  ['a minus', '-2+3', "'-2+3"],
  ['an at sign', '@SUM(A1)', "'@SUM(A1)"],
  ['a tab before a formula', '\t=1', "'\t=1"],
  ['a line end before a formula', '\n=1', `"'\n=1"`],
  ['a full-width formula', '＝1+1', "'＝1+1"],
  ['nothing odd', 'Ada = Okafor', 'Ada = Okafor'],
])('a holder with %s is one inert cell', async (_, issuedTo, cell) => {
  const shop = await licensedShop();
  await createLicense(server, shop, { issuedTo, customerId: shop.customerId });

  const { content } = await exported(shop.admin, { format: 'CSV', filter: { customerId: shop.customerId } });

  expect(String(content)).toContain(`,${shop.customerId},${cell},1,0,`);
});

test('numbers stay numbers, and what is absent is an empty cell', () => {
  expect(
    csvOf(
      ['a', 'b', 'c'],
      [
        { a: -1, b: null },
        { a: 0, b: false, c: '-' },
      ],
    ),
  ).toBe("a,b,c\r\n-1,,\r\n0,false,'-\r\n");
});

test('an export of nothing is its header', async () => {
  const shop = await licensedShop();

  const answer = await exported(shop.admin, { filter: { status: ['REVOKED'] } });

  expect(answer).toMatchObject({ content: `${columns}\r\n`, count: 0 });
});

test('an export is one event, with how many and never which', async () => {
  const shop = await licensedShop();

  const events = await eventsDuring(server, shop.admin.tenant_id, () =>
    exported({ ...shop.admin, sub: 'ada' }, {}),
  );

  expect(events).toEqual([
    {
      type: 'license.exported',
      subjectId: shop.admin.tenant_id,
      licenseId: null,
      actor: 'ada',
      data: { count: 1 },
    },
  ]);
});

test('without the feature nothing is exported or recorded', async () => {
  const shop = await openShop(server);

  await refusedAct(server, shop.admin, 'exportLicenses', {}, 'NO_ACTIVE_LICENSE');
  await grantToTenant(server, shop, [{ featureId: 'other' }]);
  await refusedAct(server, shop.admin, 'exportLicenses', {}, 'FEATURE_NOT_LICENSED');
});

test('who sees a part of the tenant exports that part only', async () => {
  const shop = await licensedShop();
  const bo = await createCustomer(server, shop.admin, 'Bo');
  await createLicense(server, shop, {
    customerId: bo,
    features: [{ featureId: 'bulk_export', featureName: 'Export' }],
  });
  await issueLicense(server, shop);
  const as: Claims = { tenant_id: shop.admin.tenant_id, permissions: ['license.export'], customer_id: bo };

  const own = await exported(as, {});
  const asked = await exported(as, { filter: { customerId: shop.customerId } });

  expect([own.count, asked.count]).toEqual([1, 0]);
});

test.each(['reseller', 'customer', 'support', 'application'] as const)('%s may not export', async (role) => {
  const shop = await licensedShop();

  await refusedAct(server, inRole(shop.admin, role), 'exportLicenses', {}, 'FORBIDDEN');
});

test('a refused filter charges nothing', async () => {
  const shop = await licensedShop();
  const used = () => server.count('feature_usage', `tenant_id = '${shop.admin.tenant_id}' and used > 0`);

  const answer = await server.graphql(
    mutation('exportLicenses', 'count'),
    { input: { filter: { search: ' ' } } },
    shop.admin,
  );

  expect(answer.code).toBe('INVALID_INPUT');
  expect(await used()).toBe(0);
  await actOn(server, shop.admin, 'updateLicense', {
    licenseId: (await issueLicense(server, shop)).id,
    issuedTo: 'Bo',
  });
  expect(await used()).toBe(0);
});
