import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { hashOf } from '../../src/server/limits/documents.js';
import { actOn } from '../support/acts.js';
import {
  createCustomer,
  createLicense,
  grantToTenant,
  type Issued,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';
import { followed, sealed, toldOf } from '../support/streams.js';
import { createReseller } from '../support/world.js';

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
  await sealed(server);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((raw) => raw.hangUp()));
  await nothingLeft(server);
});
afterAll(() => server.stop());

const changed = `subscription ($id: ID, $with: Boolean = false) { licenseChanged(licenseId: $id) {
  license { id issuedTo customer { name } reseller @include(if: $with) { name } } } }`;
const rename = (issuedTo: string, id = license.id) =>
  actOn(server, shop.admin, 'updateLicense', { licenseId: id, issuedTo });

async function follow(as: Claims, variables: object = {}, query = changed): Promise<RawSocket> {
  const before = server.machinery.feed?.readers ?? 0;
  const raw = await RawSocket.as(server, url, as);
  open.push(raw);
  raw.ask('1', query, { variables });
  await followed(server, before + 1);
  return raw;
}
const untilTold = (raw: RawSocket, count: number) =>
  expect.poll(() => toldOf(raw).length, { interval: 5 }).toBe(count);
const payloads = (raw: RawSocket) => raw.of('1').map(({ payload }) => JSON.stringify(payload));

test('forty who ask and see the same are one execution, each told under its own id', async () => {
  const raw = await RawSocket.as(server, url, shop.admin);
  open.push(raw);
  const ids = Array.from({ length: 40 }, (_, index) => `"\\ ${index} ü`);
  for (const id of ids) raw.ask(id, changed);
  await followed(server, 40);
  server.statements.length = 0;

  await rename('Bola');
  for (const id of ids) await raw.until((message) => message.id === id);

  const customers = server.statements.filter((text) => text.includes('from "customers"'));
  expect(customers.length).toBe(1);
  expect(new Set(raw.heard.slice(1).map(({ payload }) => JSON.stringify(payload))).size).toBe(1);
  expect(raw.heard.slice(1).map(({ id }) => id)).toEqual(ids);
});

describe('forty who wait for what expires within a week', () => {
  const expiring = `subscription { licenseExpiring(withinDays: 7) { daysRemaining
    license { id customer { name } } } }`;
  const ids = Array.from({ length: 40 }, (_, index) => `${index}`);
  const expiringIn = (millis: number) =>
    createLicense(server, shop, {
      customerId: shop.customerId,
      expiryDate: addMillis(server.now, millis),
    });

  /** All forty wait, and have been told of the license that is in the window when they come. */
  async function waiting(): Promise<RawSocket> {
    await expiringIn(DAY_MILLIS);
    await sealed(server);
    const raw = await RawSocket.as(server, url, shop.admin);
    open.push(raw);
    for (const id of ids) raw.ask(id, expiring);
    await allTold(raw, 1);
    return raw;
  }
  const allTold = (raw: RawSocket, count: number) =>
    expect.poll(() => ids.map((id) => raw.of(id).length), { interval: 5 }).toEqual(ids.map(() => count));
  /** The customers that an execution has looked up; acts lock theirs. */
  const executions = () =>
    server.statements.filter((text) => text.includes('from "customers"') && !text.includes(' for ')).length;
  const looks = () => server.statements.filter((text) => text.includes('make_interval(days')).length;

  test('are one look and one execution, at their start and when a change brings a license in', async () => {
    server.statements.length = 0;
    const raw = await waiting();
    const atStart = executions();
    server.statements.length = 0;

    await expiringIn(2 * DAY_MILLIS);
    await allTold(raw, 2);

    expect([atStart, executions()]).toEqual([1, 1]);
    expect(new Set(raw.heard.slice(1).map(({ payload }) => JSON.stringify(payload))).size).toBe(2);
  });

  test('and when time does', async () => {
    const { id } = await expiringIn(7 * DAY_MILLIS + 400);
    const raw = await waiting();
    server.statements.length = 0;

    server.pass(400);
    await allTold(raw, 2);

    expect(executions()).toBe(1);
    expect(looks()).toBeLessThan(12);
    expect(new Set(ids.map((each) => toldOf(raw, each)[1]?.license?.id))).toEqual(new Set([id]));
  });
});

test('the same document by callers who may or see other things is answered to each for itself', async () => {
  const { tenant_id } = shop.admin;
  const resellerId = await createReseller(server, shop.admin);
  const other = await createCustomer(server, shop.admin, 'Other');
  const theirs = await createLicense(server, shop, { customerId: other, resellerId });
  const foreign = await openShop(server);
  const foreigner = await createLicense(server, foreign, { customerId: foreign.customerId });
  await sealed(server);
  const bare = { tenant_id, permissions: ['license.read'] };
  const all = await follow(shop.admin);
  const alike = await follow({ ...shop.admin, sub: 'somebody else' });
  const withReseller = await follow(shop.admin, { with: true });
  const only = await follow(shop.admin, { id: theirs.id });
  const blind = await follow(bare);
  const customer = await follow({ tenant_id, roles: ['customer'], customer_id: shop.customerId });
  const stranger = await follow({ tenant_id, roles: ['customer'], customer_id: other });
  const reseller = await follow({ tenant_id, roles: ['reseller'], reseller_id: resellerId });
  const elsewhere = await follow(foreign.admin);

  await rename('own');
  await rename('theirs', theirs.id);
  await actOn(server, foreign.admin, 'updateLicense', { licenseId: foreigner.id, issuedTo: 'foreign' });
  for (const [raw, count] of [
    [all, 2],
    [alike, 2],
    [withReseller, 2],
    [only, 1],
    [blind, 2],
    [customer, 1],
    [stranger, 1],
    [reseller, 1],
    [elsewhere, 1],
  ] as const)
    await untilTold(raw, count);

  const own = { id: license.id, issuedTo: 'own', customer: { name: 'Ada Okafor' } };
  const their = { id: theirs.id, issuedTo: 'theirs', customer: { name: 'Other' } };
  const licenses = (raw: RawSocket) => toldOf(raw).map((told) => told?.license);
  expect(licenses(all)).toEqual([own, their]);
  expect(payloads(alike)).toEqual(payloads(all));
  expect(licenses(withReseller)).toEqual([
    { ...own, reseller: null },
    { ...their, reseller: { name: 'Blue Channel' } },
  ]);
  expect(licenses(only)).toEqual([their]);
  expect(licenses(customer)).toEqual([own]);
  expect(licenses(stranger)).toEqual([their]);
  // Its customer is not the reseller's own.
  expect(licenses(reseller)).toEqual([{ ...their, customer: null }]);
  expect(licenses(elsewhere)).toEqual([
    { id: foreigner.id, issuedTo: 'foreign', customer: { name: 'Ada Okafor' } },
  ]);
  expect(licenses(blind)).toEqual([
    { ...own, customer: null },
    { ...their, customer: null },
  ]);
  expect(
    blind.of('1').map(({ payload }) => payload?.errors?.map(({ extensions }) => extensions.permission)),
  ).toEqual([['customer.read'], ['customer.read']]);
});

test('two documents of one name, and two operations of one document, are told apart', async () => {
  const first = await follow(shop.admin, {}, 'subscription S { licenseChanged { license { id } } }');
  const second = await follow(shop.admin, {}, 'subscription S { licenseChanged { license { issuedTo } } }');
  const both = `subscription A { licenseChanged { license { id } } }
    subscription B { licenseChanged { license { issuedTo } } }`;
  const raw = await RawSocket.as(server, url, shop.admin);
  open.push(raw);
  for (const operationName of ['A', 'B']) raw.ask(operationName, both, { operationName });
  await followed(server, 4);

  await rename('Bola');
  for (const id of ['A', 'B']) await raw.until((message) => message.id === id);
  await untilTold(first, 1);
  await untilTold(second, 1);

  expect(toldOf(first)).toEqual([{ license: { id: license.id } }]);
  expect(toldOf(second)).toEqual([{ license: { issuedTo: 'Bola' } }]);
  expect(toldOf(raw, 'A')).toEqual(toldOf(first));
  expect(toldOf(raw, 'B')).toEqual(toldOf(second));
});

test('documents that are named by their hash alone are told apart', async () => {
  const raw = await RawSocket.as(server, url, shop.admin);
  open.push(raw);
  const texts = ['{ license { id } }', '{ license { issuedTo } }'].map(
    (selection) => `subscription { licenseChanged ${selection} }`,
  );
  const named = (text: string) => ({
    extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } },
  });
  for (const [index, text] of texts.entries()) raw.ask(`full ${index}`, text, named(text));
  await followed(server, 2);
  for (const [index, text] of texts.entries()) raw.ask(`hash ${index}`, '', named(text));
  await followed(server, 4);

  await rename('Bola');
  for (const index of texts.keys()) await raw.until(({ id }) => id === `hash ${index}`);

  expect(toldOf(raw, 'hash 0')).toEqual([{ license: { id: license.id } }]);
  expect(toldOf(raw, 'hash 1')).toEqual([{ license: { issuedTo: 'Bola' } }]);
});

test('a stream whose feature is refused, and one beside it that has it, are no group', async () => {
  const advanced = `subscription { licenseChanged { license { id advancedAnalytics { operatingSystems { name } } } } }`;
  const without = await follow(shop.admin, {}, advanced);
  await grantToTenant(server, shop, [{ featureId: 'analytics_advanced', limitValue: 10 }]);
  // Numbered is not handed out yet: whoever begins before it is, hears of it too.
  await untilTold(without, 1);
  const granted = await follow(shop.admin, {}, advanced);

  await rename('Bola');
  await untilTold(without, 2);
  await untilTold(granted, 1);

  const codes = (raw: RawSocket) =>
    raw
      .of('1')
      .at(-1)
      ?.payload?.errors?.map(({ extensions }) => extensions.code);
  expect(codes(without)).toEqual(['FEATURE_NOT_LICENSED']);
  expect(codes(granted)).toBeUndefined();
});
