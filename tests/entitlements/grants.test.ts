import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { actOn } from '../support/acts.js';
import { consume } from '../support/consuming.js';
import { createCustomer, createLicense, grantToTenant } from '../support/fixtures.js';
import { askAnalytics, grantAnalytics, openFeatureShop } from '../support/meters.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const advanced = 'analytics_advanced';
const selected = `featureId unlimited limit used left
  grants { licenseId limit limitType limitPeriod overage used left windowStartsAt windowEndsAt expiresAt graceEndsAt }
  topUps { licenseId amount used left reason createdAt expiresAt }`;
const query = `query ($licensee: LicenseeInput) { entitlements(licensee: $licensee) { ${selected} } }`;

async function ask(as: Claims, licensee?: object): Promise<Json | undefined> {
  return (await server.ok(query, { licensee }, as)).entitlements;
}

const until = { licenseType: 'SUBSCRIPTION', expiryDate: '2026-06-01T00:00:00Z' };
const plain = {
  limitType: null,
  limitPeriod: 'NONE',
  overage: 'DENY',
  windowStartsAt: null,
  windowEndsAt: null,
  expiresAt: null,
  graceEndsAt: null,
};

describe('an entitlement tells', () => {
  test('of each license its own limit, use, window, end and grace, the first to be drawn from in front', async () => {
    const shop = await openFeatureShop(server);
    const term = { licenseType: 'SUBSCRIPTION', issuedDate: '2026-02-15T00:00:00Z' };
    const monthly = await grantAnalytics(
      server,
      shop,
      5,
      { limitType: 'BANDWIDTH', limitPeriod: 'MONTH', overage: 'WARN', expiresAt: '2026-08-01T00:00:00Z' },
      { ...term, expiryDate: '2026-09-01T00:00:00Z' },
    );
    const late = await grantAnalytics(
      server,
      shop,
      2,
      {},
      { ...term, expiryDate: '2026-03-01T00:00:00Z', gracePeriodDays: 7 },
    );
    for (let use = 0; use < 3; use += 1) await askAnalytics(server, shop.admin, monthly.id);

    expect(await ask(shop.admin)).toEqual([
      {
        featureId: advanced,
        unlimited: false,
        limit: 7,
        used: 3,
        left: 4,
        grants: [
          {
            ...plain,
            licenseId: late.id,
            limit: 2,
            used: 2,
            left: 0,
            expiresAt: '2026-03-01T00:00:00.000Z',
            graceEndsAt: '2026-03-08T00:00:00.000Z',
          },
          {
            licenseId: monthly.id,
            limit: 5,
            limitType: 'BANDWIDTH',
            limitPeriod: 'MONTH',
            overage: 'WARN',
            used: 1,
            left: 4,
            windowStartsAt: '2026-02-15T00:00:00.000Z',
            windowEndsAt: '2026-03-15T00:00:00.000Z',
            expiresAt: '2026-08-01T00:00:00.000Z',
            graceEndsAt: null,
          },
        ],
        topUps: [],
      },
    ]);
  });

  test('the extra units that run, and none that have ended', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 1);
    const topUp = (amount: number, reason: string, expiresAt?: string) =>
      actOn(server, shop.admin, 'topUpQuota', {
        licenseId: id,
        featureId: advanced,
        amount,
        reason,
        expiresAt,
      });
    await topUp(3, 'for good');
    await topUp(2, 'for a launch', '2026-03-02T12:00:00Z');
    for (let use = 0; use < 2; use += 1) await askAnalytics(server, shop.admin, id);

    const running = await ask(shop.admin);
    server.pass(DAY_MILLIS);
    const later = await ask(shop.admin);
    server.now = START;

    const given = { licenseId: id, createdAt: START };
    const good = { ...given, amount: 3, used: 0, left: 3, reason: 'for good', expiresAt: null };
    const launch = {
      ...given,
      amount: 2,
      used: 1,
      left: 1,
      reason: 'for a launch',
      expiresAt: '2026-03-02T12:00:00.000Z',
    };
    expect(running).toMatchObject([{ limit: 6, used: 2, left: 4, topUps: [launch, good] }]);
    expect(later).toMatchObject([{ limit: 4, used: 1, left: 3, topUps: [good] }]);
  });

  test('why extra units were given to those alone who may read the audit trail', async () => {
    const shop = await openFeatureShop(server);
    const customer_id = await createCustomer(server, shop.admin);
    const { id } = await grantAnalytics(server, shop, 1);
    const extra = { licenseId: id, featureId: advanced, amount: 3, reason: 'Bola complained' };
    await actOn(server, shop.admin, 'topUpQuota', extra);

    const customer = await ask({ tenant_id: shop.tenantId, roles: ['customer'], customer_id });
    const named = await ask(shop.admin, { licenseId: id });

    expect(customer).toMatchObject([{ limit: 4, topUps: [{ amount: 3, reason: null }] }]);
    expect(named).toMatchObject([{ limit: 4, topUps: [{ amount: 3, reason: 'Bola complained' }] }]);
  });

  test('that units never run out where one license has no limit, and of the others what they have', async () => {
    const shop = await openFeatureShop(server);
    const endless = await grantAnalytics(server, shop, null);
    const small = await grantAnalytics(server, shop, 2, {}, until);

    expect(await ask(shop.admin)).toEqual([
      {
        featureId: advanced,
        unlimited: true,
        limit: null,
        used: 0,
        left: null,
        grants: [
          {
            ...plain,
            licenseId: small.id,
            limit: 2,
            used: 0,
            left: 2,
            expiresAt: '2026-06-01T00:00:00.000Z',
          },
          { ...plain, licenseId: endless.id, limit: null, used: 0, left: null },
        ],
        topUps: [],
      },
    ]);
  });

  test('a limit that was lowered below its use: all of it is used, and nothing of the others is taken', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 5, {}, until);
    const other = await grantAnalytics(server, shop, 4);
    await consume(server, shop.admin, [{ featureId: advanced, amount: 5 }]);
    const feature = { featureId: advanced, featureName: 'Advanced', limitValue: 2 };
    await actOn(server, shop.admin, 'grantFeature', { licenseId: id, feature });

    expect(await ask(shop.admin)).toMatchObject([
      {
        limit: 6,
        used: 5,
        left: 4,
        grants: [
          { licenseId: id, limit: 2, used: 5, left: 0 },
          { licenseId: other.id, limit: 4, used: 0, left: 4 },
        ],
      },
    ]);
  });
});

describe('the entitlements of somebody else', () => {
  test('are told of a customer and of a license in reach, and of nobody else', async () => {
    const shop = await openFeatureShop(server);
    const [ada, bola] = [await createCustomer(server, shop.admin), await createCustomer(server, shop.admin)];
    const features = [{ featureId: 'vpn', featureName: 'Vpn', limitValue: 3 }];
    const hers = await createLicense(server, shop, { customerId: ada, features });
    const wide = await grantAnalytics(server, shop, 1);
    const stranger = await openFeatureShop(server);
    const theirs = await createCustomer(server, stranger.admin);
    const foreign = await grantAnalytics(server, stranger, 9);
    const named = async (as: Claims, licensee: object): Promise<unknown> => {
      const { data, code } = await server.graphql(
        'query ($licensee: LicenseeInput) { entitlements(licensee: $licensee) { featureId left } }',
        { licensee },
        as,
      );
      return code ?? data?.entitlements;
    };
    const customer: Claims = { tenant_id: shop.tenantId, roles: ['customer'], customer_id: bola };
    const vpn = { featureId: 'vpn', left: 3 };
    const missing = '00000000-0000-7000-8000-000000000000';

    expect(await named(shop.admin, { customerId: ada })).toEqual([{ featureId: advanced, left: 1 }, vpn]);
    expect(await named(shop.admin, { licenseId: hers.id })).toEqual([vpn]);
    expect(await named(customer, { customerId: bola })).toEqual([{ featureId: advanced, left: 1 }]);
    for (const as of [shop.admin, customer]) {
      expect(await named(as, { customerId: theirs })).toBe('CUSTOMER_NOT_FOUND');
      expect(await named(as, { licenseId: foreign.id })).toBe('LICENSE_NOT_FOUND');
      expect(await named(as, { licenseId: missing })).toBe('LICENSE_NOT_FOUND');
    }
    expect(await named(customer, { customerId: ada })).toBe('CUSTOMER_NOT_FOUND');
    expect(await named(customer, { licenseId: hers.id })).toBe('LICENSE_NOT_FOUND');
    expect(await named(customer, { licenseId: wide.id })).toBe('LICENSE_NOT_FOUND');
    expect(await named(shop.admin, { licenseId: hers.id, customerId: ada })).toBe('INVALID_INPUT');
    expect(await named(shop.admin, {})).toBe('INVALID_INPUT');
  });

  test('are told beside a refusal of another, each by its own name', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 1);

    const answer = await server.graphql(
      `query ($known: LicenseeInput, $unknown: LicenseeInput) {
        known: entitlements(licensee: $known) { featureId } unknown: entitlements(licensee: $unknown) { featureId }
        own: entitlements { featureId } }`,
      { known: { licenseId: id }, unknown: { licenseId: '00000000-0000-7000-8000-000000000000' } },
      shop.admin,
    );

    expect(answer.errors.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['unknown'], 'LICENSE_NOT_FOUND'],
    ]);
  });
});

describe('to be told', () => {
  const aliases = (count: number) =>
    `{ ${Array.from({ length: count }, (_, n) => `a${n}: entitlements { featureId grants { used } topUps { reason } }`).join(' ')} }`;

  async function statementsOf(text: string, as: Claims): Promise<number> {
    server.statements.length = 0;
    await server.ok(text, {}, as);
    return server.statements.length;
  }

  test('takes as many statements, however many licenses, features, extra units and aliases there are', async () => {
    const shop = await openFeatureShop(server);
    const grow = async (licenses: number): Promise<void> => {
      for (let made = 0; made < licenses; made += 1) {
        const features = ['a', 'b', 'c'].map((featureId) => ({ featureId, limitValue: 5 }));
        const { id } = await grantToTenant(server, shop, features);
        const extra = { licenseId: id, featureId: 'a', amount: 1, reason: 'x' };
        await actOn(server, shop.admin, 'topUpQuota', extra);
      }
    };
    await grow(1);
    const one = await statementsOf(aliases(1), shop.admin);

    await grow(7);
    const many = await statementsOf(aliases(1), shop.admin);
    const aliased = await statementsOf(aliases(5), shop.admin);

    expect([many, aliased]).toEqual([one, one]);
    expect(one).toBe(5);
  });
});
