import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { actOn, mutation } from '../support/acts.js';
import { createCustomer, createLicense, createTemplate, type Issued } from '../support/fixtures.js';
import { type FeatureShop, grantAnalytics, openFeatureShop } from '../support/meters.js';
import { type Answer, type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const hints = 'hints { lapsedLicense { licenseId status endedAt } upgrades { templateId templateName } }';
const told = `featureId code limit used left windowEndsAt ${hints}`;
const CHECK = `query ($licensee: LicenseeInput, $uses: [FeatureUseInput!]!) {
  told: checkFeatures(licensee: $licensee, uses: $uses) { verdicts { ${told} } } }`;
const CONSUME = mutation('consumeFeatures', `verdicts { ${told} }`);

interface Told {
  readonly code: string | null;
  readonly hints: { readonly lapsedLicense: unknown; readonly upgrades: readonly unknown[] } | null;
}

/** Asks and draws, which have to tell the same. */
async function verdictOf(
  as: Claims | string,
  featureId: string,
  { licensee, amount = 1 }: { licensee?: object; amount?: number } = {},
  headers: Record<string, string> = {},
): Promise<Told> {
  const uses = [{ featureId, amount }];
  const bearer = typeof as === 'string' ? undefined : as;
  const shown: Record<string, string> = typeof as === 'string' ? { authorization: as, ...headers } : headers;
  const first = (answer: Answer, root: string): Told => {
    expect(answer.errors).toEqual([]);
    const [verdict] = Object.values(answer.data?.[root]?.verdicts ?? {});
    return verdict as unknown as Told;
  };
  const checked = first(await server.graphql(CHECK, { licensee, uses }, bearer, shown), 'told');
  const drawn = first(
    await server.graphql(CONSUME, { input: { licensee, uses } }, bearer, shown),
    'consumeFeatures',
  );
  expect(drawn).toEqual(checked);
  return drawn;
}

async function template(shop: FeatureShop, name: string, featureId: string, defaultLimit: number | null) {
  const id = await createTemplate(server, shop.admin, shop.productId);
  const features = [{ featureId, featureName: featureId, included: true, defaultLimit }];
  const input = { templateId: id, templateName: name, features };
  await server.ok(mutation('updateTemplate', 'template { id }'), { input }, shop.admin);
  return { templateId: id, templateName: name };
}

const vpn = { featureId: 'vpn', featureName: 'Vpn', limitValue: 5 };

function licenseOf(shop: FeatureShop, input: object = {}): Promise<Issued> {
  return createLicense(server, shop, { features: [vpn], ...input });
}

async function revoked(
  shop: FeatureShop,
  input: object = {},
): Promise<{ licenseId: string; licenseKey: string }> {
  const { id, licenseKey } = await licenseOf(shop, input);
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: id, reason: 'x' });
  return { licenseId: id, licenseKey };
}

describe('a verdict that refuses names', () => {
  test('the license that lapsed and the templates on sale, asked and drawn alike', async () => {
    const shop = await openFeatureShop(server);
    await grantAnalytics(server, shop, 1);
    const { licenseId } = await revoked(shop);
    const pro = await template(shop, 'Pro', 'vpn', 5);

    expect(await verdictOf(shop.admin, 'vpn')).toEqual({
      featureId: 'vpn',
      code: 'FEATURE_NOT_LICENSED',
      ...{ limit: 0, used: 0, left: 0, windowEndsAt: null },
      hints: {
        lapsedLicense: { licenseId, status: 'REVOKED', endedAt: null },
        upgrades: [pro],
      },
    });
  });

  test('after a used quota what stands on it, and templates that have more', async () => {
    const shop = await openFeatureShop(server);
    await grantAnalytics(server, shop, 3, { limitPeriod: 'DAY' }, { issuedDate: '2026-02-20T06:00:00Z' });
    await template(shop, 'Same', 'analytics_advanced', 3);
    const more = await template(shop, 'More', 'analytics_advanced', 4);

    expect(await verdictOf(shop.admin, 'analytics_advanced', { amount: 4 })).toEqual({
      featureId: 'analytics_advanced',
      code: 'QUOTA_EXCEEDED',
      limit: 3,
      used: 0,
      left: 3,
      windowEndsAt: '2026-03-02T06:00:00.000Z',
      hints: { lapsedLicense: null, upgrades: [more] },
    });
  });

  test('nothing where it grants', async () => {
    const shop = await openFeatureShop(server);
    await grantAnalytics(server, shop, 3);
    await template(shop, 'More', 'analytics_advanced', 4);

    const data = await server.ok(CHECK, { uses: [{ featureId: 'analytics_advanced' }] }, shop.admin);

    expect(data.told?.verdicts).toMatchObject([{ code: null, hints: null }]);
  });

  test('what the licensee has, and never the license of another', async () => {
    const shop = await openFeatureShop(server);
    const [ada, bola] = [await createCustomer(server, shop.admin), await createCustomer(server, shop.admin)];
    const hers = await revoked(shop, { customerId: ada });
    const his = await licenseOf(shop, { customerId: bola, features: [] });
    const template_ = await template(shop, 'Pro', 'vpn', 5);
    const customer: Claims = { tenant_id: shop.tenantId, roles: ['customer'], customer_id: bola };
    const of = async (as: Claims | string, licensee?: object) => {
      const { hints: found } = await verdictOf(as, 'vpn', licensee === undefined ? {} : { licensee });
      return { lapsed: found?.lapsedLicense ?? null, upgrades: found?.upgrades };
    };
    const lapsed = { licenseId: hers.licenseId, status: 'REVOKED', endedAt: null };

    expect(await of(shop.admin, { customerId: ada })).toEqual({ lapsed, upgrades: [template_] });
    expect(await of(shop.admin, { customerId: bola })).toEqual({ lapsed: null, upgrades: [template_] });
    expect(await of(customer)).toEqual({ lapsed: null, upgrades: [template_] });
    expect(await of(`License ${his.licenseKey}`)).toEqual({ lapsed: null, upgrades: [] });
    expect(await of(shop.admin, { licenseKey: his.licenseKey })).toEqual({ lapsed: null, upgrades: [] });
    expect(await of(`License ${hers.licenseKey}`)).toEqual({ lapsed, upgrades: [] });
  });

  test('to whoever may see neither licenses nor templates nothing at all', async () => {
    const shop = await openFeatureShop(server);
    await revoked(shop);
    await template(shop, 'Pro', 'vpn', 5);

    const bare: Claims = { tenant_id: shop.tenantId, permissions: ['feature.consume'] };

    expect(await verdictOf(bare, 'vpn')).toMatchObject({
      code: 'NO_ACTIVE_LICENSE',
      hints: { lapsedLicense: null, upgrades: [] },
    });
  });

  test('in as many statements, however many features are refused', async () => {
    const shop = await openFeatureShop(server);
    await revoked(shop);
    const ask = async (count: number): Promise<number> => {
      const uses = Array.from({ length: count }, (_, n) => ({ featureId: `f${n}`, amount: 1 }));
      server.statements.length = 0;
      await server.ok(CHECK, { uses }, shop.admin);
      return server.statements.length;
    };

    expect(await ask(40)).toBe(await ask(1));
  });
});

test('checkOperation tells the same of a path, and what stands on its limit', async () => {
  const shop = await openFeatureShop(server);
  const { id } = await grantAnalytics(server, shop, 1);
  const more = await template(shop, 'More', 'analytics_advanced', 4);
  const { licenseId } = await revoked(shop, {
    features: [{ featureId: 'api_access', featureName: 'Calls' }],
  });
  const document = `{ apiAccess { path } a: license(id: "${id}") { advancedAnalytics { operatingSystems { name } } }
    b: license(id: "${id}") { advancedAnalytics { operatingSystems { name } } } }`;

  const data = await server.ok(
    `query ($document: String!) { checkOperation(document: $document) {
      verdicts { path code refusedFeatureId limit used left ${hints} } } }`,
    { document },
    shop.admin,
  );

  const stands = { limit: 1, used: 0, left: 1 };
  expect(data.checkOperation?.verdicts).toEqual([
    {
      path: 'apiAccess',
      code: 'FEATURE_NOT_LICENSED',
      refusedFeatureId: 'api_access',
      ...{ limit: null, used: null, left: null },
      hints: { lapsedLicense: { licenseId, status: 'REVOKED', endedAt: null }, upgrades: [] },
    },
    { path: 'a.advancedAnalytics', code: null, refusedFeatureId: null, ...stands, hints: null },
    {
      path: 'b.advancedAnalytics',
      code: 'QUOTA_EXCEEDED',
      refusedFeatureId: 'analytics_advanced',
      ...stands,
      hints: { lapsedLicense: null, upgrades: [more] },
    },
  ]);
});
