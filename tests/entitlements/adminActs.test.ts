import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsDuring, mutation, refusedAct, tablesOf } from '../support/acts.js';
import { consume, differences, verdictsOf } from '../support/consuming.js';
import { createCustomer, grantToTenant } from '../support/fixtures.js';
import { entitlementOf, type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

/** Two servers on one database, each of which remembers what callers are granted. */
let server: TestServer;
let other: TestServer;
let shop: FeatureShop;
let licenseId: string;
beforeAll(async () => {
  server = await startTestServer({ events: true });
  other = await startTestServer({ events: true, beside: server });
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
  licenseId = (await grantToTenant(server, shop, [calls(5)])).id;
});
afterAll(async () => {
  await other.stop();
  await server.stop();
});

const calls = (limitValue: number | null, feature: object = {}) => ({
  featureId: 'calls',
  featureName: 'Calls',
  limitValue,
  ...feature,
});
const act = (name: string, input: object, as: Claims = shop.admin, headers: Record<string, string> = {}) =>
  server.ok(mutation(name, 'license { id }'), { input: { licenseId, ...input } }, as, headers);
const inputs: Readonly<Record<string, object>> = {
  grantFeature: { feature: calls(9) },
  revokeFeature: { featureId: 'calls', reason: 'x' },
  topUpQuota: { featureId: 'calls', amount: 4, reason: 'x' },
  resetQuota: { featureId: 'calls', reason: 'x' },
};
const draw = async (on: TestServer, amount: number): Promise<unknown> =>
  verdictsOf(await consume(on, shop.admin, [{ featureId: 'calls', amount }]))[0];

describe('an admin act is seen by the next charge on every server', () => {
  test('a limit that is raised, and lowered below what is used', async () => {
    await draw(other, 5);
    const before = await draw(other, 1);
    await act('grantFeature', { feature: calls(7) });
    const raised = [await draw(other, 2), await draw(other, 1)];
    await act('grantFeature', { feature: calls(3) });
    const lowered = [await draw(other, 1), await draw(server, 1)];
    const told = await entitlementOf(server, shop.admin, 'calls');
    await act('grantFeature', { feature: calls(8) });

    expect([before, raised]).toEqual(['QUOTA_EXCEEDED', ['granted', 'QUOTA_EXCEEDED']]);
    expect([lowered, told]).toEqual([
      ['QUOTA_EXCEEDED', 'QUOTA_EXCEEDED'],
      expect.objectContaining({ limit: 3, used: 7, left: 0 }),
    ]);
    expect([await draw(other, 1), await draw(other, 1)]).toEqual(['granted', 'QUOTA_EXCEEDED']);
  });

  test('a feature that is revoked while extra units run, and granted again with what is left of them', async () => {
    await act('topUpQuota', inputs.topUpQuota ?? {});
    await draw(other, 7);
    await act('revokeFeature', inputs.revokeFeature ?? {});
    const revoked = [await draw(other, 1), await draw(server, 1)];
    await act('grantFeature', { feature: calls(5) });

    expect(revoked).toEqual(['FEATURE_NOT_LICENSED', 'FEATURE_NOT_LICENSED']);
    expect([await draw(other, 2), await draw(server, 1)]).toEqual(['granted', 'QUOTA_EXCEEDED']);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 9 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('extra units, and a window that begins anew', async () => {
    await draw(other, 5);
    await act('topUpQuota', inputs.topUpQuota ?? {});
    const topped = [await draw(other, 4), await draw(other, 1)];
    await act('resetQuota', inputs.resetQuota ?? {});

    expect(topped).toEqual(['granted', 'QUOTA_EXCEEDED']);
    expect([await draw(other, 5), await draw(other, 1)]).toEqual(['granted', 'QUOTA_EXCEEDED']);
    expect(await differences(server, shop.tenantId)).toBe(0);
  });
});

describe('an admin act', () => {
  test('tells what was and what is', async () => {
    await draw(server, 3);

    const events = await eventsDuring(server, shop.tenantId, async () => {
      await act('grantFeature', { feature: calls(9, { limitPeriod: 'NONE', overage: 'WARN' }) });
      await act('topUpQuota', { ...inputs.topUpQuota, amount: 2 });
      await act('topUpQuota', { ...inputs.topUpQuota, expiresAt: '2026-04-01T00:00:00Z' });
      await act('resetQuota', inputs.resetQuota ?? {});
      await act('revokeFeature', inputs.revokeFeature ?? {});
    });

    const feature = {
      ...calls(9),
      enabled: true,
      limitType: null,
      limitPeriod: 'NONE',
      overage: 'WARN',
      expiresAt: null,
    };
    const said = events.map(({ type, licenseId: of, data: { before, after } }) => [type, of, before, after]);
    expect(said).toEqual([
      [
        'feature.granted',
        licenseId,
        { ...feature, featureName: expect.any(String), limitValue: 5, overage: 'DENY' },
        feature,
      ],
      ['quota.topped_up', licenseId, { extraUnits: 0 }, { extraUnits: 2 }],
      ['quota.topped_up', licenseId, { extraUnits: 2 }, { extraUnits: 6 }],
      ['quota.reset', licenseId, { used: 3 }, { used: 0 }],
      ['feature.revoked', licenseId, feature, { ...feature, enabled: false }],
    ]);
  });

  test('that grants what is granted already changes nothing, and is no event', async () => {
    await act('grantFeature', { feature: calls(6) });

    const events = await eventsDuring(server, shop.tenantId, () =>
      act('grantFeature', { feature: calls(6) }),
    );

    expect(events).toEqual([]);
  });

  test.each(Object.keys(inputs))('%s is done once under one Idempotency-Key', async (name) => {
    await draw(server, 2);
    const keyed = { 'idempotency-key': 'once' };

    const events = await eventsDuring(server, shop.tenantId, () =>
      Promise.all(Array.from({ length: 5 }, () => act(name, inputs[name] ?? {}, shop.admin, keyed))),
    );

    expect(events).toHaveLength(1);
    expect(await server.count('feature_top_ups', `tenant_id = '${shop.tenantId}'`)).toBe(
      name === 'topUpQuota' ? 1 : 0,
    );
  });

  test.each(Object.keys(inputs))('%s is refused to who may not, and for what is not his', async (name) => {
    const customer_id = await createCustomer(server, shop.admin);
    const input = { licenseId, ...inputs[name] };
    const stranger = await server.tenant();
    const permissions = ['feature.grant', 'feature.revoke', 'quota.top_up', 'quota.reset'];
    const before = await tablesOf(server, shop.tenantId);

    for (const role of ['customer', 'support', 'auditor'] as const) {
      const as: Claims = {
        tenant_id: shop.tenantId,
        roles: [role],
        ...(role === 'customer' ? { customer_id } : {}),
      };
      await refusedAct(server, as, name, input, 'FORBIDDEN');
    }
    await refusedAct(server, stranger, name, input, 'LICENSE_NOT_FOUND');
    const bound: Claims = { tenant_id: shop.tenantId, permissions, customer_id };
    await refusedAct(server, bound, name, input, 'LICENSE_NOT_FOUND');

    expect(await tablesOf(server, shop.tenantId)).toEqual(before);
    expect(await server.count('feature_top_ups', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });

  test.each(['topUpQuota', 'resetQuota', 'grantFeature', 'revokeFeature'])(
    '%s is refused on a license that was revoked, and nothing is written',
    async (name) => {
      expect(await draw(server, 2)).toBe('granted');
      await server.ok(
        mutation('revokeLicense', 'license { id }'),
        { input: { licenseId, reason: 'x' } },
        shop.admin,
      );
      const before = await tablesOf(server, shop.tenantId);

      await refusedAct(server, shop.admin, name, { licenseId, ...inputs[name] }, 'LICENSE_REVOKED');

      expect(await tablesOf(server, shop.tenantId)).toEqual(before);
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 2 });
    },
  );

  test('gives no more extra units than can be counted', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    await act('topUpQuota', { ...inputs.topUpQuota, amount: most });

    await refusedAct(server, shop.admin, 'topUpQuota', { licenseId, ...inputs.topUpQuota }, 'INVALID_INPUT');

    expect(await entitlementOf(server, shop.admin, 'calls')).toMatchObject({ limit: most, left: most });
    expect(await draw(server, 1_000_000_000_000)).toBe('granted');
  });
});
