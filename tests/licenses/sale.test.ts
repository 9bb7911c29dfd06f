import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct } from '../support/acts.js';
import { createCustomer, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const acts = ['issueLicense', 'createLicense'] as const;
type Act = (typeof acts)[number];

/** What sells to the shop's customer by either act. */
function inputOf(act: Act, shop: Shop, more: object = {}): object {
  const { customerId, templateId, productId } = shop;
  if (act === 'issueLicense') return { customerId, templateId, ...more };
  const kind = { licenseType: 'SUBSCRIPTION', licenseModel: 'PER_DEVICE', issuedTo: 'Ada' };
  return { customerId, productId, ...kind, ...more };
}

async function sell(
  act: Act,
  shop: Shop,
  more: object = {},
  as: Claims = shop.admin,
): Promise<Json | undefined> {
  const query = mutation(act, 'license { id resellerId }');
  return (await server.ok(query, { input: inputOf(act, shop, more) }, as))[act]?.license;
}

function change(shop: Shop, act: string, payload: string, input: object): Promise<Json> {
  return server.ok(mutation(act, `${payload} { id }`), { input }, shop.admin);
}

const switched = (shop: Shop, resellerId: string, status: string) =>
  change(shop, 'updateReseller', 'reseller', { resellerId, status });

/** A shop whose customer came through a reseller. */
async function channel(): Promise<{ shop: Shop; resellerId: string }> {
  const shop = await openShop(server);
  const resellerId = await createReseller(server, shop.admin);
  await change(shop, 'updateCustomer', 'customer', { customerId: shop.customerId, resellerId });
  return { shop, resellerId };
}

describe.each(acts)('who sold what %s makes', (act) => {
  test("is the customer's reseller while it is switched on, and nobody when it is off", async () => {
    const { shop, resellerId } = await channel();

    const on = await sell(act, shop);
    await switched(shop, resellerId, 'INACTIVE');
    const off = await sell(act, shop);

    expect([on?.resellerId, off?.resellerId]).toEqual([resellerId, null]);
  });

  test('is nobody for a customer that came by itself', async () => {
    const shop = await openShop(server);

    expect((await sell(act, shop))?.resellerId).toBeNull();
  });

  test('is the reseller itself for its own caller, and that one has to be switched on', async () => {
    const { shop, resellerId } = await channel();
    const permissions = ['license.issue', 'license.create', 'license.read', 'customer.read'];
    const as = { tenant_id: shop.admin.tenant_id, permissions, reseller_id: resellerId };

    const sold = await sell(act, shop, {}, as);
    await switched(shop, resellerId, 'INACTIVE');

    expect(sold?.resellerId).toBe(resellerId);
    await refusedAct(server, as, act, inputOf(act, shop), 'RESELLER_INACTIVE');
  });
});

test('a reseller that is named comes before that of the customer, and is refused when it is switched off', async () => {
  const { shop } = await channel();
  const named = await createReseller(server, shop.admin, 'South');

  const sold = await sell('createLicense', shop, { resellerId: named });
  await switched(shop, named, 'INACTIVE');

  expect(sold?.resellerId).toBe(named);
  const input = inputOf('createLicense', shop, { resellerId: named });
  await refusedAct(server, shop.admin, 'createLicense', input, 'RESELLER_INACTIVE');
});

test.each(acts)(
  '%s makes no license of a product that is off sale, and does again when it is back',
  async (act) => {
    const shop = await openShop(server);
    const { productId } = shop;
    await change(shop, 'updateProduct', 'product', { productId, active: false });

    const error = await refusedAct(server, shop.admin, act, inputOf(act, shop), 'PRODUCT_INACTIVE');
    await change(shop, 'updateProduct', 'product', { productId, active: true });

    expect(error.extensions.id).toBe(productId);
    expect((await sell(act, shop))?.id).toEqual(expect.any(String));
  },
);

describe('a switch-off that is being committed', () => {
  async function waiting(): Promise<number> {
    const [row] = await server.sql`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return Number(row?.count);
  }

  /** Sells while another transaction has run this statement, which is committed once the sale waits for it. */
  async function sellDuring(
    act: Act,
    shop: Shop,
    statement: string,
    as = shop.admin,
  ): Promise<string | undefined> {
    const connection = await server.sql.reserve();
    try {
      await connection`begin`;
      await connection.unsafe(statement);
      const answer = server.graphql(mutation(act, '__typename'), { input: inputOf(act, shop) }, as);
      await expect.poll(waiting, { interval: 10 }).toBe(1);
      await connection`commit`;
      return (await answer).code;
    } finally {
      await connection`rollback`;
      connection.release();
    }
  }

  const customerOff = (shop: Shop) =>
    `update customers set status = 'INACTIVE' where id = '${shop.customerId}'`;
  const productOff = (shop: Shop) =>
    `update billing_products set active = false where product_id = '${shop.productId}'`;
  const templateOff = (shop: Shop) =>
    `update license_templates set active = false where id = '${shop.templateId}'`;

  test.each<[Act, string, (shop: Shop) => string]>([
    ['issueLicense', 'TEMPLATE_INACTIVE', templateOff],
    ['issueLicense', 'CUSTOMER_INACTIVE', customerOff],
    ['issueLicense', 'PRODUCT_INACTIVE', productOff],
    ['createLicense', 'CUSTOMER_INACTIVE', customerOff],
    ['createLicense', 'PRODUCT_INACTIVE', productOff],
  ])('is waited for by %s, which answers %s', async (act, code, statement) => {
    const shop = await openShop(server);

    const answered = await sellDuring(act, shop, statement(shop));

    expect(answered).toBe(code);
    expect(await server.count('licenses', `tenant_id = '${shop.admin.tenant_id}'`)).toBe(0);
  });

  test.each(acts)('is waited for by %s of a reseller, who sells no more', async (act) => {
    const { shop, resellerId } = await channel();
    const permissions = ['license.issue', 'license.create', 'license.read', 'customer.read'];
    const as = { tenant_id: shop.admin.tenant_id, permissions, reseller_id: resellerId };

    const off = `update resellers set status = 'INACTIVE' where id = '${resellerId}'`;
    const answered = await sellDuring(act, shop, off, as);

    expect(answered).toBe('RESELLER_INACTIVE');
  });

  test('is waited for by a transfer to the customer, too', async () => {
    const shop = await openShop(server);
    const receiver = await createCustomer(server, shop.admin, 'Bola');
    const license = await sell('issueLicense', shop);
    const connection = await server.sql.reserve();
    await connection`begin`;
    await connection`update customers set status = 'INACTIVE' where id = ${receiver}`;
    const input = {
      licenseId: license?.id,
      newCustomerId: receiver,
      newIssuedTo: 'Bola',
      transferReason: 'sold',
    };

    const answer = server.graphql(mutation('transferLicense', '__typename'), { input }, shop.admin);
    await expect.poll(waiting, { interval: 10 }).toBe(1);
    await connection`commit`;
    connection.release();

    expect((await answer).code).toBe('CUSTOMER_INACTIVE');
  });
});
