import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { refused, refusedAct } from '../support/acts.js';
import { createApiKey } from '../support/apiKeys.js';
import { consume, differences, grantIdOf, verdictsOf } from '../support/consuming.js';
import { activate, createCustomer, createLicense, grantToTenant, type Issued } from '../support/fixtures.js';
import { eventCount, type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { keyed, storedAnswers } from '../support/replays.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: FeatureShop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
});
afterAll(() => server.stop());

const calls = { featureId: 'calls', featureName: 'Calls', limitValue: 10, limitPeriod: 'DAY' };
const reports = { featureId: 'reports', featureName: 'Reports' };
const used = () => unitsUsed(server, shop.tenantId);
const lines = () => server.count('usage_ledger', `tenant_id = '${shop.tenantId}'`);

/** A license of a customer's own. */
function licenseOf(customerId: string, features: readonly object[], input: object = {}): Promise<Issued> {
  return createLicense(server, shop, { licenseType: 'PERPETUAL', customerId, features, ...input });
}

describe('consumeFeatures', () => {
  test('draws all that is asked, and tells what stands on each limit afterwards', async () => {
    await grantToTenant(server, shop, [calls, reports]);

    const answer = await consume(server, shop.admin, [
      { featureId: 'calls', amount: 3 },
      { featureId: 'reports', amount: 0 },
      { featureId: 'calls' },
    ]);

    const grantId = grantIdOf(answer);
    const granted = { granted: true, code: null, message: null, refusedFeatureId: null };
    const limited = { limit: 10, used: 4, left: 6, windowEndsAt: '2026-03-02T12:00:00.000Z' };
    const unmetered = { limit: null, used: null, left: null, windowEndsAt: null };
    expect(answer.data?.consumeFeatures).toEqual({
      granted: true,
      grantId,
      verdicts: [
        { featureId: 'calls', amount: 3, ...granted, ...limited, lines: [0] },
        { featureId: 'reports', amount: 0, ...granted, ...unmetered, lines: [] },
        { featureId: 'calls', amount: 1, ...granted, ...limited, lines: [1] },
      ],
    });
    expect(await used()).toEqual({ calls: 4 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('draws nothing when units of one use are wanting: every metered use answers that, the others their own', async () => {
    await grantToTenant(server, shop, [
      { ...calls, limitValue: 2 },
      { ...reports, limitValue: 5 },
    ]);

    const answer = await consume(server, shop.admin, [
      { featureId: 'reports' },
      { featureId: 'calls', amount: 3 },
      { featureId: 'calls', amount: 0 },
      { featureId: 'absent', amount: 0 },
    ]);

    expect(answer.data?.consumeFeatures).toMatchObject({ granted: false, grantId: null });
    expect(verdictsOf(answer)).toEqual([
      'QUOTA_EXCEEDED',
      'QUOTA_EXCEEDED',
      'granted',
      'FEATURE_NOT_LICENSED',
    ]);
    expect(answer.data?.consumeFeatures?.verdicts).toMatchObject([
      { message: 'Feature quota exceeded: 0/2', refusedFeatureId: 'calls', limit: 5, used: 0, left: 5 },
      { message: 'Feature quota exceeded: 0/2', refusedFeatureId: 'calls', limit: 2, used: 0, left: 2 },
      {},
      { message: "Feature 'absent' not licensed", refusedFeatureId: 'absent' },
    ]);
    expect(await lines()).toBe(0);
  });

  test('needs nothing for what lies below a refused path', async () => {
    await grantToTenant(server, shop, [calls]);

    const answer = await consume(server, shop.admin, [
      { featureId: 'absent', amount: 0, path: 'license' },
      { featureId: 'calls', path: 'license.analytics' },
      { featureId: 'calls', path: 'other' },
    ]);

    expect(verdictsOf(answer)).toEqual(['FEATURE_NOT_LICENSED', 'FEATURE_NOT_LICENSED', 'granted']);
    expect(await used()).toEqual({ calls: 1 });
  });

  test('tells who has no license, and records the attempt', async () => {
    const answer = await consume(server, shop.admin, [{ featureId: 'calls' }]);

    expect(verdictsOf(answer)).toEqual(['NO_ACTIVE_LICENSE']);
    expect(await lines()).toBe(0);
    await expect.poll(() => eventCount(server, shop.tenantId, 'feature.refused')).toBe(1);
  });

  test('never counts further than a counter can be read', async () => {
    const { id } = await grantToTenant(server, shop, [{ ...calls, limitValue: null, limitPeriod: 'NONE' }]);
    await consume(server, shop.admin, [{ featureId: 'calls' }]);
    await server.sql`update feature_usage set used = ${Number.MAX_SAFE_INTEGER - 5} where license_id = ${id}`;

    const over = await consume(server, shop.admin, [{ featureId: 'calls', amount: 6 }]);
    const last = await consume(server, shop.admin, [{ featureId: 'calls', amount: 5 }]);

    expect([verdictsOf(over), verdictsOf(last)]).toEqual([['QUOTA_EXCEEDED'], ['granted']]);
    const message = `Feature quota exceeded: ${Number.MAX_SAFE_INTEGER - 5}/unlimited`;
    expect(over.data?.consumeFeatures).toMatchObject({ verdicts: [{ message, limit: null, left: null }] });
  });

  test.each([
    ['units below 0', { uses: [{ featureId: 'calls', amount: -1 }] }],
    ['a feature that is no code', { uses: [{ featureId: 'a b' }] }],
    ['too many uses', { uses: Array.from({ length: 501 }, () => ({ featureId: 'calls' })) }],
    ['no licensee', { licensee: {}, uses: [{ featureId: 'calls' }] }],
    [
      'two licensees',
      { licensee: { customerId: '00000000-0000-7000-8000-000000000000', licenseKey: 'x' }, uses: [] },
    ],
  ])('refuses %s', async (_what, input) => {
    await grantToTenant(server, shop, [calls]);

    await refusedAct(server, shop.admin, 'consumeFeatures', input, 'INVALID_INPUT');

    expect(await lines()).toBe(0);
  });
});

describe('for whom', () => {
  test("a customer is judged by its own licenses and the tenant's, a key and a token by their license alone", async () => {
    const customerId = await createCustomer(server, shop.admin);
    const { licenseKey } = await licenseOf(customerId, [{ ...calls, limitValue: 1 }]);
    const { activationToken } = await activate(server, licenseKey, 'laptop');
    await grantToTenant(server, shop, [{ ...calls, limitValue: 2 }]);
    const ask = (licensee: object, amount: number) =>
      consume(server, shop.admin, [{ featureId: 'calls', amount }], licensee);

    const answers = [
      await ask({ licenseKey }, 2),
      await ask({ activationToken }, 2),
      await ask({ customerId }, 4),
      await ask({ customerId }, 3),
      await ask({ activationToken }, 1),
    ];

    expect(answers.map((each) => each.data?.consumeFeatures?.verdicts?.[0]?.message)).toEqual([
      'Feature quota exceeded: 0/1',
      'Feature quota exceeded: 0/1',
      'Feature quota exceeded: 0/3',
      null,
      'Feature quota exceeded: 1/1',
    ]);
    expect(await used()).toEqual({ calls: 3 });
  });

  test('a customer asks for itself only, an application for its own license only, a reseller with what it sold only', async () => {
    const [own, other] = [await createCustomer(server, shop.admin), await createCustomer(server, shop.admin)];
    const mine = await licenseOf(own, [calls]);
    const theirs = await licenseOf(other, [calls]);
    const seller = await server.ok(
      'mutation { createReseller(input: { name: "Blue" }) { reseller { id } } }',
      {},
      shop.admin,
    );
    const { tenant_id } = shop.admin;
    const customer = { tenant_id, roles: ['customer' as const], customer_id: own };
    const reseller = {
      tenant_id,
      permissions: ['feature.consume'],
      reseller_id: String(seller.createReseller?.reseller?.id),
    };
    const uses = [{ featureId: 'calls' }];
    const asApplication = (licensee?: object) =>
      server.app
        .inject({
          method: 'POST',
          url: '/graphql',
          headers: { authorization: `License ${mine.licenseKey}`, 'content-type': 'application/json' },
          payload: {
            query: `mutation ($input: ConsumeFeaturesInput!) { consumeFeatures(input: $input) { granted } }`,
            variables: { input: { uses, licensee } },
          },
        })
        .then((response) => response.json());

    const granted = [
      await consume(server, customer, uses),
      await consume(server, customer, uses, { customerId: own }),
      await consume(server, customer, uses, { licenseKey: mine.licenseKey }),
    ];
    const refusals = [
      await consume(server, customer, uses, { customerId: other }),
      await consume(server, customer, uses, { licenseKey: theirs.licenseKey }),
      await consume(server, reseller, uses, { customerId: own }),
      await consume(server, reseller, uses, { licenseKey: mine.licenseKey }),
    ];
    const application = [await asApplication(), await asApplication({ licenseKey: mine.licenseKey })];
    const elsewhere = [
      await asApplication({ licenseKey: theirs.licenseKey }),
      await asApplication({ customerId: own }),
    ];

    expect(granted.map(verdictsOf)).toEqual([['granted'], ['granted'], ['granted']]);
    expect(refusals.map(({ code }) => code)).toEqual([
      'CUSTOMER_NOT_FOUND',
      'LICENSE_NOT_FOUND',
      'CUSTOMER_NOT_FOUND',
      'LICENSE_NOT_FOUND',
    ]);
    expect(application.map((each) => each.data.consumeFeatures)).toEqual([
      { granted: true },
      { granted: true },
    ]);
    expect(elsewhere.map((each) => each.errors[0].extensions.code)).toEqual([
      'ONE_LICENSE_PER_OPERATION',
      'CUSTOMER_NOT_FOUND',
    ]);
    expect(await used()).toEqual({ calls: 5 });
  });

  test('an activation that was ended speaks for its license no longer', async () => {
    const { licenseKey } = await grantToTenant(server, shop, [calls], { licenseModel: 'PER_DEVICE' });
    const { activationToken } = await activate(server, licenseKey, 'laptop');
    await server.ok(
      `mutation { deactivateActivation(input: { activationToken: "${activationToken}" }) { __typename } }`,
    );

    await refused(server, shop.admin, 'ACTIVATION_DEACTIVATED', () =>
      consume(server, shop.admin, [{ featureId: 'calls' }], { activationToken }),
    );
    expect(await lines()).toBe(0);
  });

  test('an API key with the one permission may, and one without may not', async () => {
    await grantToTenant(server, shop, [calls]);
    const [holder, other] = [
      await createApiKey(server, shop.admin, { permissions: ['feature.consume'] }),
      await createApiKey(server, shop.admin, { permissions: ['entitlement.read'] }),
    ];

    const answer = await consume(server, holder.secret, [{ featureId: 'calls' }]);
    const refusal = await consume(server, other.secret, [{ featureId: 'calls' }]);

    expect(verdictsOf(answer)).toEqual(['granted']);
    expect(refusal.code).toBe('FORBIDDEN');
    const [line] = await server.sql`select actor from usage_ledger where tenant_id = ${shop.tenantId}`;
    expect(line?.actor).toBe(`api_key:${holder.id}`);
  });

  test('checkFeatures and entitlements tell of a licensee without drawing', async () => {
    const customerId = await createCustomer(server, shop.admin);
    await licenseOf(customerId, [calls]);
    const query = `query ($licensee: LicenseeInput) {
      checkFeatures(licensee: $licensee, uses: [{ featureId: "calls", amount: 4 }, { featureId: "absent" }]) {
        granted verdicts { code limit used left lines } }
      entitlements(licensee: $licensee) { featureId limit used left } }`;

    const data = await server.ok(query, { licensee: { customerId } }, shop.admin);

    expect(data.checkFeatures).toEqual({
      granted: false,
      verdicts: [
        { code: 'FEATURE_NOT_LICENSED', limit: 10, used: 0, left: 10, lines: [] },
        { code: 'FEATURE_NOT_LICENSED', limit: 0, used: 0, left: 0, lines: [] },
      ],
    });
    expect(data.entitlements).toEqual([{ featureId: 'calls', limit: 10, used: 0, left: 10 }]);
    expect(await lines()).toBe(0);
  });
});

describe('an Idempotency-Key', () => {
  const uses = [{ featureId: 'calls', amount: 2 }];

  test('draws once, answers the same, stands in the ledger, and takes no other uses', async () => {
    await grantToTenant(server, shop, [calls]);
    const send = () => consume(server, shop.admin, uses, undefined, keyed('k'));

    const [first, again] = [await send(), await send()];
    const other = await consume(server, shop.admin, [{ featureId: 'calls' }], undefined, keyed('k'));

    expect(first.errors).toEqual([]);
    expect(again).toEqual(first);
    expect(other.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await used()).toEqual({ calls: 2 });
    const rows =
      await server.sql`select idempotency_key from usage_ledger where tenant_id = ${shop.tenantId}`;
    expect(rows.map((row) => row.idempotency_key)).toEqual(['k']);
  });

  test('stays free while nothing was drawn under it', async () => {
    await grantToTenant(server, shop, [{ ...calls, limitValue: 1 }]);
    const send = () => consume(server, shop.admin, uses, undefined, keyed('k'));

    const before = await send();
    await grantToTenant(server, shop, [calls]);
    const after = await send();

    expect([verdictsOf(before), verdictsOf(after)]).toEqual([['QUOTA_EXCEEDED'], ['granted']]);
    expect((await storedAnswers(server, shop.tenantId)).map(({ key }) => key)).toEqual(['k']);
  });

  test('answers what was done also when its licensee is gone', async () => {
    const { licenseKey } = await grantToTenant(server, shop, [calls], { licenseModel: 'PER_DEVICE' });
    const { activationToken } = await activate(server, licenseKey, 'laptop');
    const send = () => consume(server, shop.admin, uses, { activationToken }, keyed('k'));
    const first = await send();
    await server.ok(
      `mutation { deactivateActivation(input: { activationToken: "${activationToken}" }) { __typename } }`,
    );

    const again = await send();

    expect(again).toEqual(first);
    expect(await used()).toEqual({ calls: 2 });
  });

  test('begins anew after its seven days', async () => {
    await grantToTenant(server, shop, [{ ...calls, limitPeriod: 'NONE' }]);
    const send = () => consume(server, shop.admin, uses, undefined, keyed('k'));
    const first = await send();
    server.pass(8 * 86_400_000);

    const [anew, again] = [await send(), await send()];

    expect(grantIdOf(anew)).not.toBe(grantIdOf(first));
    expect(again).toEqual(anew);
    expect(await used()).toEqual({ calls: 4 });
  });

  test('of another caller is another key', async () => {
    await grantToTenant(server, shop, [calls]);
    const { tenant_id } = shop.admin;
    const second = { tenant_id, roles: ['admin' as const], sub: 'somebody else' };

    const answers = [
      await consume(server, shop.admin, uses, undefined, keyed('k')),
      await consume(server, second, uses, undefined, keyed('k')),
    ];

    expect(new Set(answers.map(grantIdOf)).size).toBe(2);
    expect(await used()).toEqual({ calls: 4 });
  });
});
