import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { consume, differences, grantIdOf, refund } from '../support/consuming.js';
import { grantToTenant } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { holdLicense, untilHeld } from '../support/rowLocks.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let other: TestServer;
let shop: FeatureShop;
let licenseId: string;
beforeAll(async () => {
  server = await startTestServer();
  other = await startTestServer({ beside: server });
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
  licenseId = (await grantToTenant(server, shop, [{ featureId: 'calls', limitValue: 5 }])).id;
});
afterAll(async () => {
  await other.stop();
  await server.stop();
});

const used = () => unitsUsed(server, shop.tenantId);
const draw = async (on: TestServer, amount: number): Promise<string> =>
  grantIdOf(await consume(on, shop.admin, [{ featureId: 'calls', amount }]));
const giveBack = async (on: TestServer, grantId: string): Promise<unknown> => {
  const answer: Answer = await refund(on, shop.admin, { grantId });
  return answer.data?.refundFeatures?.refunds;
};
const reset = () =>
  server.ok(
    mutation('resetQuota', 'license { id }'),
    { input: { licenseId, featureId: 'calls', reason: 'x' } },
    shop.admin,
  );
const units = (count: number) => [{ featureId: 'calls', units: count }];

test('what was drawn before a reset and comes back after it frees no unit that others have drawn since', async () => {
  const early = await draw(server, 3);
  await reset();
  const late = await draw(server, 5);

  const first = [await giveBack(server, early), await giveBack(server, early)];
  const between = await used();
  const second = await giveBack(server, late);

  expect([first, between]).toEqual([[units(0), []], { calls: 5 }]);
  expect([second, await used()]).toEqual([units(5), {}]);
  expect(await differences(server, shop.tenantId)).toBe(0);
});

test('what was drawn while a reset waited is gone with it, although the reset was asked for before', async () => {
  await draw(server, 1);
  const release = await holdLicense(server, licenseId);
  const resetting = reset();
  await untilHeld(server, { open: 1, waiting: 1 });
  other.pass(5);
  const meanwhile = await draw(other, 3);
  await release();
  await resetting;
  await draw(other, 5);

  const back = await giveBack(other, meanwhile);
  other.pass(-5);

  expect([back, await used()]).toEqual([units(0), { calls: 5 }]);
  expect(await differences(server, shop.tenantId)).toBe(0);
});

test.each([-1_000, 1_000])(
  'a server whose clock is %i ms off gives back what was drawn since a reset, and nothing else',
  async (millis) => {
    other.pass(millis);
    const early = await draw(other, 3);
    await reset();
    const late = await draw(other, 5);

    const first = await giveBack(other, early);
    const between = await used();
    const second = await giveBack(other, late);
    other.pass(-millis);

    expect([first, between]).toEqual([units(0), { calls: 5 }]);
    expect([second, await used()]).toEqual([units(5), {}]);
  },
);
