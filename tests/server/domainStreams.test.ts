import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { consume } from '../support/consuming.js';
import { createCustomer, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';
import { emit, followed, sealed, toldOf } from '../support/streams.js';
import { createReseller, insertOrder } from '../support/world.js';

let server: TestServer;
let url: string;
let shop: Shop;
let tenantId: string;
const open: RawSocket[] = [];

beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
});
beforeEach(async () => {
  shop = await openShop(server);
  tenantId = shop.admin.tenant_id;
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((raw) => raw.hangUp()));
  await nothingLeft(server);
});
afterAll(() => server.stop());

const customer = (id = shop.customerId): Claims => ({
  tenant_id: tenantId,
  roles: ['customer'],
  customer_id: id,
});

/** Streams that have begun, one for each caller. */
async function follow(query: string, callers: readonly Claims[]): Promise<RawSocket[]> {
  const raws: RawSocket[] = [];
  for (const claims of callers) {
    const raw = await RawSocket.as(server, url, claims);
    open.push(raw);
    raws.push(raw);
    raw.ask('1', query);
  }
  await followed(server, callers.length);
  return raws;
}
const untilTold = (raw: RawSocket | undefined, count: number) =>
  expect.poll(() => (raw === undefined ? 0 : toldOf(raw).length), { interval: 5 }).toBe(count);

describe('quotaThreshold', () => {
  const all = `subscription { quotaThreshold {
    licenseId featureId thresholdPercent limit used windowEndsAt } }`;
  const feature = (featureId: string, more: object = {}) => ({
    featureId,
    featureName: featureId,
    limitValue: 10,
    ...more,
  });
  const licensed = (customerId: string, features: readonly object[]) =>
    createLicense(server, shop, { customerId, features });
  const use = (as: Claims, featureId: string, amount: number) => consume(server, as, [{ featureId, amount }]);
  const percents = (raw: RawSocket | undefined) =>
    raw === undefined ? [] : toldOf(raw).map((told) => told?.thresholdPercent);

  test('tells 80, 90 and 100 percent, each once a window and again in the next', async () => {
    const { id } = await licensed(shop.customerId, [feature('scans', { limitPeriod: 'DAY' })]);
    await sealed(server);
    const [raw] = await follow(all, [shop.admin]);

    await use(customer(), 'scans', 7);
    await use(customer(), 'scans', 1);
    await use(customer(), 'scans', 2);
    await untilTold(raw, 3);
    server.pass(DAY_MILLIS);
    await use(customer(), 'scans', 9);
    await untilTold(raw, 5);

    expect(percents(raw)).toEqual([80, 90, 100, 80, 90]);
    expect(raw === undefined ? [] : toldOf(raw)[0]).toEqual({
      licenseId: id,
      featureId: 'scans',
      thresholdPercent: 80,
      limit: 10,
      used: 8,
      windowEndsAt: server.now,
    });
  });

  test('tells each subscriber of licenses that it sees, of the feature and the license that it asks for', async () => {
    const other = await createCustomer(server, shop.admin, 'Other');
    const own = await licensed(shop.customerId, [feature('scans'), feature('maps')]);
    await licensed(other, [feature('scans')]);
    const foreign = await openShop(server);
    await sealed(server);
    const one = (args: string) => all.replace('quotaThreshold {', `quotaThreshold(${args}) {`);
    const [admin, mine, theirs, stranger] = await follow(all, [
      shop.admin,
      customer(),
      customer(other),
      foreign.admin,
    ]);
    mine?.ask('maps', one('featureId: "maps"'));
    admin?.ask('own', one(`licenseId: "${own.id}"`));
    await followed(server, 6);

    await use(customer(other), 'scans', 8);
    await use(customer(), 'scans', 8);
    await use(customer(), 'maps', 9);
    await untilTold(admin, 4);
    await untilTold(mine, 3);
    await untilTold(theirs, 1);
    await expect.poll(() => mine?.of('maps').length).toBe(2);
    await expect.poll(() => admin?.of('own').length).toBe(3);

    expect(mine === undefined ? [] : toldOf(mine).map((told) => told?.licenseId)).toEqual([
      own.id,
      own.id,
      own.id,
    ]);
    expect(percents(theirs)).toEqual([80]);
    expect(stranger?.of('1')).toEqual([]);
  });
});

describe('orderProgress', () => {
  const all = 'subscription { orderProgress { type licensesMade order { id orderNumber quantity } } }';
  const progressed = (subjectId: string) => emit(server, tenantId, { type: 'order.progressed', subjectId });

  test('tells how many licenses an order has by then, to who sees the order and to nobody else', async () => {
    const other = await createCustomer(server, shop.admin, 'Other');
    const resellerId = await createReseller(server, shop.admin);
    const order = await insertOrder(server, shop, { customerId: shop.customerId, resellerId });
    const theirs = await insertOrder(server, shop, { customerId: other });
    const { id } = await createLicense(server, shop, { customerId: shop.customerId });
    const reseller: Claims = { tenant_id: tenantId, roles: ['reseller'], reseller_id: resellerId };
    await sealed(server);
    const [admin, buyer, stranger, seller] = await follow(all, [
      shop.admin,
      customer(),
      customer(other),
      reseller,
    ]);
    buyer?.ask('other', all.replace('orderProgress {', `orderProgress(orderId: "${theirs}") {`));
    await followed(server, 5);

    await progressed(order);
    for (const each of [admin, buyer, seller]) await untilTold(each, 1);
    await server.sql`update licenses set order_id = ${order} where id = ${id}`;
    await progressed(order);
    await progressed(theirs);
    await untilTold(admin, 3);
    await untilTold(stranger, 1);
    for (const each of [buyer, seller]) await untilTold(each, 2);

    const told = [0, 1].map((licensesMade) => ({
      type: 'order.progressed',
      licensesMade,
      order: { id: order, orderNumber: `ORD-${order.slice(0, 8)}`, quantity: 1 },
    }));
    expect(buyer === undefined ? [] : toldOf(buyer)).toEqual(told);
    expect(seller === undefined ? [] : toldOf(seller)).toEqual(told);
    expect(stranger === undefined ? [] : toldOf(stranger).map((each) => each?.order?.id)).toEqual([theirs]);
    expect(buyer?.of('other')).toEqual([]);
  });

  test('says nothing of an order that is not there, and of events that are about something else', async () => {
    const order = await insertOrder(server, shop, { customerId: shop.customerId });
    await sealed(server);
    const [raw] = await follow(all, [shop.admin]);

    await progressed(randomUUID());
    await emit(server, tenantId, { type: 'violation.detected', subjectId: order });
    await progressed(order);
    await untilTold(raw, 1);

    expect(raw === undefined ? [] : toldOf(raw).map((told) => told?.order?.id)).toEqual([order]);
  });
});

describe('violationDetected', () => {
  const all = `subscription { violationDetected { violation {
    id violationType severity licenseId description evidence financialImpact status } } }`;
  async function violate(licenseId: string | null, detectedAt = server.now): Promise<string> {
    const id = randomUUID();
    await server.sql`insert into compliance_violations (tenant_id, id, violation_type, severity, license_id, description,
        detected_at, evidence, financial_impact, created_at, updated_at)
      values (${tenantId}, ${id}, 'OVER_DEPLOYMENT', 'MAJOR', ${licenseId}, 'Seven seats of five', ${detectedAt},
        '["e1"]', 120.5, ${server.now}, ${server.now})`;
    const about = licenseId === null ? {} : { licenseId: licenseId as never };
    await emit(server, tenantId, { type: 'violation.detected', subjectId: id, ...about });
    return id;
  }
  const bound = (id: string): Claims => ({
    tenant_id: tenantId,
    permissions: ['violation.read'],
    customer_id: id,
  });

  test('tells what was detected, each subscriber of the licenses that it sees', async () => {
    const other = await createCustomer(server, shop.admin, 'Other');
    const own = await createLicense(server, shop, { customerId: shop.customerId });
    const theirs = await createLicense(server, shop, { customerId: other });
    await sealed(server);
    const [admin, mine] = await follow(all, [shop.admin, bound(shop.customerId)]);
    admin?.ask('own', all.replace('violationDetected {', `violationDetected(licenseId: "${own.id}") {`));
    await followed(server, 3);

    const ids = [
      await violate(null),
      await violate(theirs.id),
      await violate(own.id, new Date(0).toISOString() as never),
    ];
    const last = await violate(own.id);
    await untilTold(admin, 4);
    await untilTold(mine, 1);
    await expect.poll(() => admin?.of('own').length).toBe(2);

    const seen = (raw: RawSocket | undefined, id = '1') =>
      raw === undefined ? [] : toldOf(raw, id).map((told) => told?.violation?.id);
    expect(seen(admin)).toEqual([...ids, last]);
    expect(seen(admin, 'own')).toEqual([ids[2], last]);
    expect(mine === undefined ? [] : toldOf(mine)).toEqual([
      {
        violation: {
          id: last,
          violationType: 'OVER_DEPLOYMENT',
          severity: 'MAJOR',
          licenseId: own.id,
          description: 'Seven seats of five',
          evidence: ['e1'],
          financialImpact: '120.5',
          status: 'OPEN',
        },
      },
    ]);
  });
});
