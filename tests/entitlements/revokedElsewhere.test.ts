import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { CONSUME, verdictsOf } from '../support/consuming.js';
import { grantToTenant } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
let one: ServerProcess;
let other: ServerProcess;
beforeAll(async () => {
  server = await startTestServer();
  // The processes run on the system's clock, and so do the tokens that they take.
  server.now = instant(Date.now());
  processes = await Processes.open(server);
  [one, other] = await Promise.all([processes.start(), processes.start()]);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

const TRIES = 100;
const LANES = 4;
/** Far above what it takes, which is measured elsewhere: a busy machine proves nothing false here. */
const BOUND_MILLIS = 30_000;
const apiAccess = '{ apiAccess { path } }';
const uses = { input: { uses: [{ featureId: 'calls' }] } };

interface Try {
  readonly shop: FeatureShop;
  readonly token: string;
  readonly licenseId: string;
}

async function prepare(): Promise<Try> {
  const shop = await openFeatureShop(server);
  const features = [{ featureId: 'api_access' }, { featureId: 'calls', limitValue: 1_000 }];
  const { id } = await grantToTenant(server, shop, features);
  return { shop, licenseId: id, token: await server.token(shop.admin) };
}

/** What the other process says of a license before and after one has revoked it, and after how long it refuses. */
async function revoked({ token, licenseId }: Try) {
  const asked = [await other.graphql(apiAccess, {}, token), await other.graphql(CONSUME, uses, token)];
  const input = { licenseId, reason: 'gone' };
  await one.graphql(mutation('revokeLicense', 'license { id }'), { input }, token);
  const begun = performance.now();
  const drawn = await other.graphql(CONSUME, uses, token);
  let code: string | undefined;
  while (code === undefined && performance.now() - begun < BOUND_MILLIS)
    code = (await other.graphql(apiAccess, {}, token)).code;
  return { before: asked.map((answer) => answer.code), drawn: verdictsOf(drawn)[0], code };
}

test('a license that one process revokes grants no unit and no feature on another any more, in 100 of 100 tries', {
  timeout: 240_000,
}, async () => {
  const results: Awaited<ReturnType<typeof revoked>>[] = [];
  const left = Array.from({ length: TRIES }, (_, index) => index);
  const used: unknown[] = [];
  const run = async (): Promise<void> => {
    while (left.pop() !== undefined) {
      const attempt = await prepare();
      results.push(await revoked(attempt));
      used.push(await unitsUsed(server, attempt.shop.tenantId));
    }
  };

  await Promise.all(Array.from({ length: LANES }, run));

  const ended = { before: [undefined, undefined], drawn: 'NO_ACTIVE_LICENSE', code: 'NO_ACTIVE_LICENSE' };
  expect(results).toEqual(Array(TRIES).fill(ended));
  expect(used).toEqual(Array(TRIES).fill({ calls: 1 }));
});
