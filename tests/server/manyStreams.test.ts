import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { actOn } from '../support/acts.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { held, untilHeld } from '../support/rowLocks.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';

const STREAMS = 60;

let server: TestServer;
let url: string;
let shop: Shop;
let license: Issued;
const open: RawSocket[] = [];

beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
});
beforeEach(async () => {
  shop = await openShop(server);
  license = await createLicense(server, shop, { customerId: shop.customerId });
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((raw) => raw.hangUp()));
  await nothingLeft(server);
});
afterAll(() => server.stop());

async function follow(as: Claims, selectionOf: (index: number) => string): Promise<RawSocket> {
  const raw = await RawSocket.as(server, url, as);
  open.push(raw);
  const before = server.machinery.feed?.readers ?? 0;
  for (let index = 0; index < STREAMS; index += 1)
    raw.ask(`${index}`, `subscription { licenseChanged { license { ${selectionOf(index)} } } }`);
  await expect.poll(() => server.machinery.feed?.readers).toBe(before + STREAMS);
  return raw;
}
const rename = () => actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'Bola' });
const allTold = (raw: RawSocket) =>
  expect.poll(() => raw.heard.filter(({ type }) => type === 'next').length).toBe(STREAMS);

test('a change is looked up once for all who see the same part of the tenant', async () => {
  const customer: Claims = {
    tenant_id: shop.admin.tenant_id,
    roles: ['customer'],
    customer_id: shop.customerId,
  };
  const both = () => 'id issuedTo';
  const [all, part] = [await follow(shop.admin, both), await follow(customer, both)];

  await rename();
  server.statements.length = 0;
  await Promise.all([all, part].map(allTold));

  const looks = server.statements.filter((text) => text.includes('from "licenses"'));
  expect(looks.length).toBeLessThanOrEqual(2);
  expect(new Set([...all.heard, ...part.heard].map(({ payload }) => JSON.stringify(payload)))).toEqual(
    new Set([undefined, `{"data":{"licenseChanged":{"license":{"id":"${license.id}","issuedTo":"Bola"}}}}`]),
  );
});

test('however many streams wait for the database, whoever asks something gets a connection', async () => {
  // Each a document of its own: those who ask the same are answered together.
  const raw = await follow(shop.admin, (index) => `id stream${index}: customer { name }`);
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`lock table customers in access exclusive mode`;

  await rename();
  await expect.poll(async () => (await held(server)).waiting).toBe(2);
  const beside = await server.graphql('{ licenses { totalCount } }', {}, shop.admin);
  // No third joins them, and whoever asked has let go of its own.
  await untilHeld(server, { open: 2, waiting: 2 });
  await connection`rollback`;
  connection.release();

  expect(beside.errors).toEqual([]);
  await allTold(raw);
});

test('however many tenants are followed, an event is looked for in its own, and a few are read at a time', async () => {
  const shops = [shop];
  for (let made = 0; made < 11; made += 1) shops.push(await openShop(server));
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
  for (const { admin } of shops) {
    const raw = await RawSocket.as(server, url, admin);
    open.push(raw);
    raw.ask('1', 'subscription { licenseChanged { license { id } } }');
  }
  await expect.poll(() => server.machinery.feed?.readers).toBe(shops.length);
  const reads = () => server.statements.filter((text) => text.includes('from "audit_seals"')).length;
  const [follower] = open;
  const heard = () => follower?.heard.filter(({ type }) => type === 'next').length;

  server.statements.length = 0;
  for (let renamed = 1; renamed <= 15; renamed += 1) {
    await rename();
    await expect.poll(heard, { interval: 5 }).toBe(renamed);
  }
  const looks = reads();
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`lock table audit_seals in access exclusive mode`;
  // A word that names no tenant is everybody's.
  await server.sql`select pg_notify('lg_events_sealed', '')`;
  await expect.poll(async () => (await held(server)).waiting).toBe(2);
  const beside = await server.graphql('{ licenses { totalCount } }', {}, shop.admin);
  // No third joins them, and whoever asked has let go of its own.
  await untilHeld(server, { open: 2, waiting: 2 });
  await connection`rollback`;
  connection.release();

  expect(looks).toBeLessThan(15 * 3);
  expect(beside.errors).toEqual([]);
});
