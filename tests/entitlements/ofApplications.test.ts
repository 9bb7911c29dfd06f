import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { type Answer, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let own: Issued;
let other: Issued;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  const limited = (limitValue: number) => ({
    features: [{ featureId: 'maps', featureName: 'Maps', limitValue }],
  });
  own = await createLicense(server, shop, limited(3));
  other = await createLicense(server, shop, limited(100));
  token = String((await activate(server, own.licenseKey, 'laptop')).activationToken);
});
afterAll(() => server.stop());

const QUERY =
  'query ($licensee: LicenseeInput) { entitlements(licensee: $licensee) { featureId left licenseIds } }';

const ask = (licensee?: object, authorization?: string, as?: Parameters<TestServer['graphql']>[2]) =>
  server.graphql(QUERY, { licensee }, as, authorization === undefined ? {} : { authorization });
const entitlementsIn = ({ data, errors }: Answer): Json | undefined => {
  expect(errors).toEqual([]);
  return data?.entitlements;
};

describe('an application', () => {
  test.each<[string, () => Promise<Answer>]>([
    ['by a key ahead of its operation', () => ask(undefined, `License ${own.licenseKey}`)],
    ['by a token ahead of it', () => ask(undefined, `Activation ${token}`)],
    ['by a key in it', () => ask({ licenseKey: own.licenseKey })],
    ['by a token in it', () => ask({ activationToken: token })],
    ['by both', () => ask({ activationToken: token }, `License ${own.licenseKey}`)],
  ])('is told what its own license grants, and of no other: %s', async (_how, run) => {
    expect(entitlementsIn(await run())).toEqual([{ featureId: 'maps', left: 3, licenseIds: [own.id] }]);
  });

  test.each<[string, () => Promise<Answer>, string]>([
    [
      "another license's key",
      () => ask({ licenseKey: other.licenseKey }, `License ${own.licenseKey}`),
      'ONE_LICENSE_PER_OPERATION',
    ],
    [
      "another license's id",
      () => ask({ licenseId: other.id }, `License ${own.licenseKey}`),
      'LICENSE_NOT_FOUND',
    ],
    ['a key that leads nowhere', () => ask({ licenseKey: '0000-0000-0000-0000-0000' }), 'LICENSE_NOT_FOUND'],
    ['an id alone', () => ask({ licenseId: own.id }), 'UNAUTHENTICATED'],
    ['nothing', () => ask(), 'UNAUTHENTICATED'],
    [
      'a key, by somebody who is known and may not ask',
      () => ask({ licenseKey: own.licenseKey }, undefined, { ...shop.admin, roles: ['operator'] }),
      'FORBIDDEN',
    ],
  ])('is refused what it has no proof of: %s', async (_what, run, code) => {
    const { data, errors } = await run();

    expect([data, errors.map(({ extensions }) => extensions.code)]).toEqual([null, [code]]);
  });
});
