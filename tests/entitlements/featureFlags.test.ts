import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createCustomer, createLicense, grantToTenant } from '../support/fixtures.js';
import { openFeatureShop, refusalsByPath } from '../support/meters.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

describe('feature flags', () => {
  const flags = '{ featureFlags { name featureId enabled } }';

  test("switch the host's settings by what the licenses grant", async () => {
    const shop = await openFeatureShop(server);
    const settings = {
      feature_flags: { graphql_enabled: 'graphql_api', vpnEnabled: 'vpn', 'sd-wan': 'sd_wan' },
    };
    await server.sql`update tenants set settings = settings || ${server.sql.json(settings)} where id = ${shop.tenantId}`;
    await grantToTenant(server, shop, [
      { featureId: 'graphql_api', limitValue: 0 },
      { featureId: 'vpn', enabled: false },
      { featureId: 'sd_wan' },
    ]);

    const data = await server.ok(flags, {}, shop.admin);

    expect(data.featureFlags).toEqual([
      { name: 'graphql_enabled', featureId: 'graphql_api', enabled: true },
      { name: 'sd-wan', featureId: 'sd_wan', enabled: true },
      { name: 'vpnEnabled', featureId: 'vpn', enabled: false },
    ]);
  });

  test('are all off without a license, and are the three defaults in a tenant that chose none', async () => {
    const shop = await openFeatureShop(server);
    await server.sql`update tenants set settings = settings - 'feature_flags' where id = ${shop.tenantId}`;

    const data = await server.ok(flags, {}, shop.admin);

    expect(data.featureFlags).toEqual([
      { name: 'analytics_enabled', featureId: 'analytics_dashboard', enabled: false },
      { name: 'graphql_enabled', featureId: 'graphql_api', enabled: false },
      { name: 'wireless_enabled', featureId: 'wireless_mgmt', enabled: false },
    ]);
  });

  test('are on for the customer whose license grants the feature, off for another', async () => {
    const shop = await openFeatureShop(server);
    const [ada, bola] = [await createCustomer(server, shop.admin), await createCustomer(server, shop.admin)];
    await createLicense(server, shop, {
      customerId: ada,
      features: [{ featureId: 'graphql_api', featureName: 'Graph' }],
    });
    const claims = (id: string): Claims => ({
      tenant_id: shop.tenantId,
      roles: ['customer'],
      customer_id: id,
    });
    const on = (enabled: boolean) => ({
      featureFlags: [{ name: 'graphql_enabled', featureId: 'graphql_api', enabled }],
    });

    expect(await server.ok(flags, {}, claims(ada))).toEqual(on(true));
    expect(await server.ok(flags, {}, claims(bola))).toEqual(on(false));
    expect(await server.ok(flags, {}, shop.admin)).toEqual(on(true));
  });

  test('need a token and the permission to ask', async () => {
    const { tenant_id } = await server.tenant();

    const anonymous = await server.graphql(flags);
    const unpermitted = await server.graphql(flags, {}, { tenant_id, permissions: ['license.read'] });

    expect(refusalsByPath(anonymous)).toEqual({ featureFlags: 'UNAUTHENTICATED' });
    expect(refusalsByPath(unpermitted)).toEqual({ featureFlags: 'FORBIDDEN' });
  });
});

describe('setFeatureFlags', () => {
  const chosen = [
    { name: 'vpnEnabled', featureId: 'vpn' },
    { name: 'graphql_enabled', featureId: 'api_access' },
  ];
  const defaults = [
    { name: 'analytics_enabled', featureId: 'analytics_dashboard', enabled: false },
    { name: 'graphql_enabled', featureId: 'graphql_api', enabled: false },
    { name: 'wireless_enabled', featureId: 'wireless_mgmt', enabled: false },
  ];
  const act = mutation('setFeatureFlags', 'featureFlags { name featureId enabled }');
  const ask = async (as: Claims) =>
    (await server.ok('{ featureFlags { name featureId enabled } }', {}, as)).featureFlags;

  test('puts other flags in the place of all that there were, and says how they stand', async () => {
    const shop = await openFeatureShop(server);
    await grantToTenant(server, shop, [{ featureId: 'vpn' }]);

    const data = await server.ok(act, { input: { flags: chosen } }, shop.admin);

    const flags = [
      { name: 'graphql_enabled', featureId: 'api_access', enabled: false },
      { name: 'vpnEnabled', featureId: 'vpn', enabled: true },
    ];
    expect(data.setFeatureFlags?.featureFlags).toEqual(flags);
    expect(await ask(shop.admin)).toEqual(flags);
  });

  test('goes back to the default flags, and takes all away', async () => {
    const shop = await openFeatureShop(server);

    await server.ok(act, { input: { flags: [] } }, shop.admin);
    const none = await ask(shop.admin);
    await server.ok(act, { input: { flags: null } }, shop.admin);

    expect([none, await ask(shop.admin)]).toEqual([[], defaults]);
  });

  test('leaves the other settings of the tenant, and other tenants, as they were', async () => {
    const [shop, other] = [await openFeatureShop(server), await openFeatureShop(server)];
    const settings = { company_name: 'Ada & Sons', odd_Name: { __a_b: 1 }, feature_flags: { a: 'b' } };
    await server.sql`update tenants set settings = ${server.sql.json(settings)} where id = ${shop.tenantId}`;
    const [before] = await server.sql`select * from tenants where id = ${other.tenantId}`;

    await server.ok(act, { input: { flags: chosen } }, shop.admin);

    const [row] = await server.sql`select settings from tenants where id = ${shop.tenantId}`;
    expect(row?.settings).toEqual({
      ...settings,
      feature_flags: { vpnEnabled: 'vpn', graphql_enabled: 'api_access' },
    });
    expect(await server.sql`select * from tenants where id = ${other.tenantId}`).toEqual([before]);
  });

  test('writes what was and what is, and nothing when it is the same', async () => {
    const shop = await openFeatureShop(server);

    const events = await eventsDuring(server, shop.tenantId, async () => {
      await server.ok(act, { input: { flags: chosen } }, shop.admin);
      await server.ok(act, { input: { flags: chosen.toReversed() } }, shop.admin);
      await server.ok(act, { input: { flags: null } }, shop.admin);
      await server.ok(act, { input: {} }, shop.admin);
    });

    const first = [{ name: 'graphql_enabled', featureId: 'graphql_api' }];
    expect(events.map(({ type, subjectId, data }) => ({ type, subjectId, data }))).toEqual(
      [
        { before: first, after: chosen.toReversed() },
        { before: chosen.toReversed(), after: null },
      ].map((data) => ({ type: 'feature_flags.set', subjectId: shop.tenantId, data })),
    );
  });

  test.each([
    ['a name twice', [...chosen, { name: 'vpnEnabled', featureId: 'x' }], 'input.flags.2.name'],
    ['an empty name', [{ name: '', featureId: 'x' }], 'input.flags.0.name'],
    ['a name of a prototype', [{ name: '__proto__', featureId: 'x' }], 'input.flags.0.name'],
    ['a long name', [{ name: 'a'.repeat(51), featureId: 'x' }], 'input.flags.0.name'],
    [
      'a feature that no license can name',
      [{ name: 'a', featureId: 'two words' }],
      'input.flags.0.featureId',
    ],
    ['too many', Array.from({ length: 101 }, (_, n) => ({ name: `f${n}`, featureId: 'x' })), 'input.flags'],
  ])('refuses %s, and writes nothing', async (_what, flags, field) => {
    const shop = await openFeatureShop(server);
    await server.ok(act, { input: { flags: null } }, shop.admin);

    expect(await refusedFields(server, shop.admin, 'setFeatureFlags', { flags })).toEqual([field]);
    expect(await ask(shop.admin)).toEqual(defaults);
  });

  test('is for those who see the whole tenant', async () => {
    const shop = await openFeatureShop(server);
    const customerId = await createCustomer(server, shop.admin);
    const permissions = ['feature_flags.set', 'entitlement.read'];
    const before = await ask(shop.admin);

    for (const part of [{ customer_id: customerId }, { reseller_id: customerId }]) {
      const bound = { tenant_id: shop.tenantId, permissions, ...part };
      await refusedAct(server, bound, 'setFeatureFlags', { flags: null }, 'FORBIDDEN');
    }
    const reader = { tenant_id: shop.tenantId, permissions: ['entitlement.read'] };
    await refusedAct(server, reader, 'setFeatureFlags', { flags: null }, 'FORBIDDEN');

    expect(await ask(shop.admin)).toEqual(before);
  });

  test('under one Idempotency-Key is done once, whatever was set since', async () => {
    const shop = await openFeatureShop(server);
    const keyed = { 'idempotency-key': 'flags' };

    const first = await server.ok(act, { input: { flags: chosen } }, shop.admin, keyed);
    await server.ok(act, { input: { flags: null } }, shop.admin);
    const again = await server.ok(act, { input: { flags: chosen } }, shop.admin, keyed);

    expect(again).toEqual(first);
    expect(await ask(shop.admin)).toEqual(defaults);
  });

  test('of two at once each tells what the other left', async () => {
    const shop = await openFeatureShop(server);
    await server.ok(act, { input: { flags: null } }, shop.admin);

    const events = await eventsDuring(server, shop.tenantId, () =>
      Promise.all(
        ['a', 'b', 'c', 'd'].map((name) =>
          server.ok(act, { input: { flags: [{ name, featureId: 'x' }] } }, shop.admin),
        ),
      ),
    );

    const links = events.map(({ data }) => [JSON.stringify(data.before), JSON.stringify(data.after)]);
    const after = new Map(links.map(([before, next]) => [before, next]));
    let at: string | undefined = 'null';
    const seen: string[] = [];
    for (; at !== undefined && seen.length < 9; at = after.get(at)) seen.push(at);
    expect(new Set(seen).size).toBe(5);
  });
});
