import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { licenseGraph } from '../../src/sdk/index.js';
import { actOn, mutation } from '../support/acts.js';
import { createApiKey } from '../support/apiKeys.js';
import { createCustomer, createLicense, createTemplate, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

let server: TestServer;
let url: string;
let shop: Shop;
let customerId: string;
let licenseId: string;
beforeAll(async () => {
  server = await startTestServer();
  url = (await listen(server)).replace('ws:', 'http:');
});
beforeEach(async () => {
  shop = await openShop(server);
  customerId = await createCustomer(server, shop.admin);
  const features = [{ featureId: 'calls', featureName: 'Calls', limitValue: 2 }];
  licenseId = (await createLicense(server, shop, { licenseType: 'PERPETUAL', customerId, features })).id;
});
afterAll(() => server?.stop());

/** Asks for the feature with units and without, as a host whose key has these permissions. */
async function refusals(permissions: readonly string[]): Promise<unknown[]> {
  const { secret } = await createApiKey(server, shop.admin, { permissions });
  const graph = licenseGraph({ url, apiKey: secret, failMode: 'CLOSED' });
  const asked = [1, 0].map((consume) =>
    graph.requireFeature({ customerId }, 'calls', { consume }).then(
      () => 'granted',
      ({ code, details }) => ({ code, ...details }),
    ),
  );
  return Promise.all(asked);
}

/** The license is gone, and a template on sale has what it had. */
async function lapse(): Promise<string> {
  const templateId = await createTemplate(server, shop.admin, shop.productId);
  const features = [{ featureId: 'calls', featureName: 'Calls', included: true, defaultLimit: 5 }];
  const input = { templateId, features, templateName: 'Pro' };
  await server.ok(mutation('updateTemplate', 'template { id }'), { input }, shop.admin);
  await actOn(server, shop.admin, 'revokeLicense', { licenseId, reason: 'fraud' });
  return templateId;
}

describe('a refusal names what would make it pass', () => {
  const refused = { code: 'NO_ACTIVE_LICENSE', feature: 'calls' };

  test('to a host whose key may see licenses and templates', async () => {
    const templateId = await lapse();
    const lapsedLicense = { licenseId, status: 'REVOKED', endedAt: null };
    const explained = { ...refused, lapsedLicense, upgrades: [{ templateId, templateName: 'Pro' }] };

    const told = await refusals(['feature.consume', 'license.read', 'template.read']);

    expect(told).toEqual([explained, explained]);
  });

  test('and to no other', async () => {
    await lapse();

    expect(await refusals(['feature.consume'])).toEqual([refused, refused]);
  });
});
