import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { refused } from '../support/acts.js';
import { consume, differences, grantIdOf, REFUND, refund } from '../support/consuming.js';
import { createCustomer, createLicense, grantToTenant } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { keyed } from '../support/replays.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

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

describe('refundFeatures', () => {
  const back = (answer: Answer): unknown => answer.data?.refundFeatures?.refunds;

  test('gives a grant back once, by lines of its own', async () => {
    await grantToTenant(server, shop, [calls]);
    const grantId = grantIdOf(await consume(server, shop.admin, [{ featureId: 'calls', amount: 3 }]));

    const [first, again] = [
      await refund(server, shop.admin, { grantId }),
      await refund(server, shop.admin, { grantId }),
    ];

    expect([back(first), back(again)]).toEqual([[{ featureId: 'calls', units: 3 }], []]);
    expect(await used()).toEqual({});
    expect(await differences(server, shop.tenantId)).toBe(0);
    const rows = await server.sql`select kind, amount::int as amount from usage_ledger
      where tenant_id = ${shop.tenantId} order by kind`;
    expect([...rows]).toEqual([
      { kind: 'GRANT', amount: 3 },
      { kind: 'REFUND', amount: -3 },
    ]);
  });

  test('gives single lines back, and the rest later', async () => {
    await grantToTenant(server, shop, [calls, { ...reports, limitValue: 9 }]);
    const uses = [
      { featureId: 'calls', amount: 3 },
      { featureId: 'reports', amount: 2 },
    ];
    const grantId = grantIdOf(await consume(server, shop.admin, uses));

    const some = await refund(server, shop.admin, { grantId, lines: [1, 7] });
    const between = await used();
    const rest = await refund(server, shop.admin, { grantId });

    expect(back(some)).toEqual([{ featureId: 'reports', units: 2 }]);
    expect(between).toEqual({ calls: 3 });
    expect(back(rest)).toEqual([{ featureId: 'calls', units: 3 }]);
    expect(await used()).toEqual({});
  });

  test('100 at once, of two servers, give it back once', async () => {
    await grantToTenant(server, shop, [calls]);
    const second = await startTestServer({ beside: server });
    const grantId = grantIdOf(await consume(server, shop.admin, [{ featureId: 'calls', amount: 3 }]));
    await consume(server, shop.admin, [{ featureId: 'calls', amount: 7 }]);

    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        refund(index % 2 === 0 ? server : second, shop.admin, { grantId }),
      ),
    ).finally(() => second.stop());

    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(answers.filter((answer) => JSON.stringify(back(answer)) !== '[]')).toHaveLength(1);
    expect(await used()).toEqual({ calls: 7 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('under a key answers the same again', async () => {
    await grantToTenant(server, shop, [calls]);
    const grantId = grantIdOf(await consume(server, shop.admin, [{ featureId: 'calls' }]));
    const send = () => server.graphql(REFUND, { input: { grantId } }, shop.admin, keyed('k'));

    const [first, again] = [await send(), await send()];

    expect(back(first)).toEqual([{ featureId: 'calls', units: 1 }]);
    expect(again).toEqual(first);
  });

  test("of another caller's grant, another licensee's or another tenant's says that there is none", async () => {
    const customerId = await createCustomer(server, shop.admin);
    await createLicense(server, shop, { licenseType: 'PERPETUAL', customerId, features: [calls] });
    const elsewhere = await openFeatureShop(server);
    const stranger = await createCustomer(server, shop.admin, 'Grace');
    const { tenant_id } = shop.admin;
    const answer = await consume(server, shop.admin, [{ featureId: 'calls' }], { customerId });
    const grantId = grantIdOf(answer);
    const attempts: readonly (() => Promise<Answer>)[] = [
      () =>
        refund(
          server,
          { tenant_id, roles: ['admin'], sub: 'another' },
          { grantId, licensee: { customerId } },
        ),
      () => refund(server, shop.admin, { grantId, licensee: { customerId: stranger } }),
      () => refund(server, elsewhere.admin, { grantId }),
      () => refund(server, shop.admin, { grantId: '00000000-0000-7000-8000-000000000000' }),
    ];

    for (const attempt of attempts) await refused(server, shop.admin, 'GRANT_NOT_FOUND', attempt);

    expect(await used()).toEqual({ calls: 1 });
    expect(back(await refund(server, shop.admin, { grantId, licensee: { customerId } }))).toHaveLength(1);
  });
});
