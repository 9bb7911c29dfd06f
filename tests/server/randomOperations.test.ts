import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusalCodes } from '../../src/core/refusal.js';
import { createSchema } from '../../src/server/schema.js';
import {
  activate,
  createCustomer,
  createProduct,
  createTemplate,
  grantToTenant,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Known, type RandomOperation, randomOperations, written } from '../support/randomOperations.js';
import { type Answer, type Claims, startTestServer, type TestServer } from '../support/server.js';

const RUNS = 300;
const DAY = 86_400_000;

const schema = createSchema();

let server: TestServer;
let shop: Shop;
let foreign: Shop;
let callers: readonly (Claims | undefined)[];
const products = new Map<string, string>();
const secrets = { licenseKey: [] as string[], token: [] as string[] };

const features = ['api_access', 'bulk_export', 'analytics_dashboard', 'analytics_advanced'].map(
  (featureId) => ({ featureId, limitValue: 1_000_000 }),
);

/** Time passes and acts revoke: now and then there has to be a license again that runs, and one that grants. */
async function restock(of: Shop): Promise<void> {
  await grantToTenant(server, of, features);
  const { licenseKey } = await issueLicense(server, of);
  const activated = await activate(server, licenseKey, 'device-1');
  secrets.licenseKey = [licenseKey, ...secrets.licenseKey].slice(0, 4);
  secrets.token = [String(activated.activationToken), ...secrets.token].slice(0, 4);
}

/** What operations name and may switch off; `restock` keeps to the template and customer that they never reach. */
async function openToAll(): Promise<Shop> {
  const opened = await openShop(server);
  const productId = await createProduct(server, opened.admin);
  for (const name of ['Ada', 'Bea', 'Cid', 'Dov']) {
    await createTemplate(server, opened.admin, productId);
    await createCustomer(server, opened.admin, name);
  }
  products.set(opened.admin.tenant_id, productId);
  return opened;
}

beforeAll(async () => {
  server = await startTestServer();
  shop = await openToAll();
  foreign = await openToAll();
  await restock(shop);
  await restock(foreign);
  const { tenant_id } = shop.admin;
  const reseller = await server.ok(
    'mutation { createReseller(input: {name: "Blue"}) { reseller { id } } }',
    {},
    shop.admin,
  );
  const reseller_id = String(reseller.createReseller?.reseller?.id);
  callers = [
    shop.admin,
    shop.admin,
    shop.admin,
    foreign.admin,
    { tenant_id, roles: ['customer'], customer_id: await createCustomer(server, shop.admin) },
    { tenant_id, roles: ['admin'], customer_id: shop.customerId },
    { tenant_id, roles: ['admin'], reseller_id },
    undefined,
  ];
});
afterAll(() => server.stop());

const tables: Readonly<Record<string, string>> = {
  license: 'licenses',
  customer: 'customers',
  template: 'license_templates',
  reseller: 'resellers',
  activation: 'license_activations',
};

/** The ids that are there when an operation is sent: acts that went before have made some of them. */
async function idsNow(): Promise<(known: Known) => unknown> {
  const lists = new Map<string, string[]>([
    ['product', [products.get(shop.admin.tenant_id) ?? '']],
    ['foreign product', [products.get(foreign.admin.tenant_id) ?? '']],
  ]);
  const all = Object.entries(tables).map(
    ([kind, table]) =>
      `select '${kind}' as kind, tenants.id as tenant_id, array(select id::text from ${table} t where t.tenant_id = tenants.id order by created_at desc, id desc limit 4) as ids from tenants`,
  );
  for (const { kind, tenant_id, ids } of await server.sql.unsafe(all.join(' union all '))) {
    lists.set(tenant_id === shop.admin.tenant_id ? kind : `foreign ${kind}`, ids);
  }
  return ({ kind, index }) => {
    const list = kind === 'licenseKey' || kind === 'token' ? secrets[kind] : (lists.get(kind) ?? []);
    return list[index % Math.max(1, list.length)] ?? '019ca945-0a00-7459-b9d3-433f12674c0f';
  };
}

function unsound(answer: Answer): unknown[] {
  return answer.errors.filter(({ message, extensions }) => {
    const { code } = extensions;
    const listed = Object.hasOwn(refusalCodes, code) && code !== 'INTERNAL_SERVER_ERROR';
    return !listed || /\b(select|insert|update) .* (from|into|set)\b|\n\s+at /i.test(message);
  });
}

async function send(operation: RandomOperation, as: Claims | undefined) {
  const { query, variables } = written(operation, await idsNow());
  const before = await server.count('license_event_logs', "event_type not like '%.refused'");
  const answer = await server.graphql(query, variables, as);
  const atRoot = new Set(answer.errors.map(({ path }) => (path?.length === 1 ? path[0] : undefined)));
  const refused = answer.data === null || operation.roots.every((_, index) => atRoot.has(`r${index}`));
  const emitted = (await server.count('license_event_logs', "event_type not like '%.refused'")) - before;
  return { query, variables, answer, refused, emitted };
}

test('no operation that the schema lets be written ends in an internal error, and a refused one writes nothing', async () => {
  const arbitrary = fc.record({
    operation: randomOperations(schema),
    caller: fc.nat(7),
    pass: fc.constantFrom(0, 0, 0, 0, 3_600_000, DAY),
  });

  let sent = 0;

  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ operation, caller, pass }) => {
      server.pass(pass);
      sent += 1;
      if (sent % 20 === 0) await restock(sent % 40 === 0 ? shop : foreign);
      const logged = server.logged.length;

      const { query, variables, answer, refused, emitted } = await send(operation, callers[caller]);

      const errors = server.logged.slice(logged).filter((line) => line.includes('"level":50'));
      const told = JSON.stringify({ query, variables }).slice(0, 3000);
      expect(errors, told).toEqual([]);
      expect(unsound(answer), told).toEqual([]);
      expect([200, 400, 413]).toContain(answer.status);
      if (refused && operation.type === 'mutation') expect(emitted, told).toBe(0);
    }),
    { numRuns: RUNS },
  );
});
