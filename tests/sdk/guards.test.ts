import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LicenseGraphOptions, licenseGraph } from '../../src/sdk/index.js';
import { createApiKey } from '../support/apiKeys.js';
import { type BadServer, garbage, silent, startBadServer } from '../support/badServers.js';
import { createCustomer, createLicense } from '../support/fixtures.js';
import { CUSTOMER, type Guarded, type GuardedServer, guardedServers } from '../support/guardedServers.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

let office: TestServer;
let url: string;
let shop: FeatureShop;
let apiKey: string;
let customerId: string;
let bad: BadServer;
beforeAll(async () => {
  office = await startTestServer({ events: true });
  url = (await listen(office)).replace('ws:', 'http:');
  bad = await startBadServer(silent);
});
beforeEach(async () => {
  shop = await openFeatureShop(office);
  apiKey = (await createApiKey(office, shop.admin, { permissions: ['feature.consume'] })).secret;
  customerId = await createCustomer(office, shop.admin);
  const features = [{ featureId: 'calls', featureName: 'Calls', limitValue: 2 }];
  await createLicense(office, shop, { licenseType: 'PERPETUAL', customerId, features });
});
afterAll(async () => {
  await bad?.stop();
  await office?.stop();
});

interface Outage extends Partial<LicenseGraphOptions> {
  readonly behave?: BadServer['behave'];
}
const outages: readonly (readonly [string, Outage])[] = [
  ['is down', { url: 'http://127.0.0.1:2/graphql' }],
  ['keeps silent', { timeoutMillis: 30, behave: silent }],
  ...Object.entries(garbage).map(([name, behave]) => [`answers ${name}`, { behave }] as const),
];

/** A handler that counts how often it runs. */
function counting() {
  let count = 0;
  const handle = (): string => {
    count += 1;
    return String(count);
  };
  return { handle, runs: () => count };
}

const used = () => unitsUsed(office, shop.tenantId);

describe.each(Object.entries(guardedServers))('on %s', (_name, start) => {
  const servers: GuardedServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  async function guard(
    guarded: Partial<Guarded> = {},
    options: Partial<LicenseGraphOptions> = {},
  ): Promise<GuardedServer> {
    const graph = licenseGraph({ url, apiKey, failMode: 'CLOSED', onError: () => undefined, ...options });
    const server = await start({ graph, feature: 'calls', consume: 1, handle: () => 'done', ...guarded });
    servers.push(server);
    return server;
  }

  async function get({ address }: GuardedServer, init: RequestInit = {}, customer = customerId) {
    const response = await fetch(address, { headers: { [CUSTOMER]: customer }, ...init });
    const text = await response.text();
    const isJson = response.headers.get('content-type') === 'application/json; charset=utf-8';
    return {
      status: response.status,
      body: isJson ? JSON.parse(text) : text,
      uncounted: response.headers.get('x-licensegraph-uncounted'),
    };
  }

  test('whoever has the feature is let in, and draws nothing where nothing is metered', async () => {
    const server = await guard({ consume: 0 });

    expect(await get(server)).toEqual({ status: 200, body: 'done', uncounted: null });
    expect(await used()).toEqual({});
  });

  test('a request draws its units, and past the limit 429 says how many there are', async () => {
    const server = await guard();

    const statuses = [(await get(server)).status, (await get(server)).status];
    const over = await get(server);

    expect(statuses).toEqual([200, 200]);
    expect([over.status, over.body]).toEqual([
      429,
      {
        detail: 'Feature quota exceeded: 2/2',
        code: 'QUOTA_EXCEEDED',
        feature: 'calls',
        limit: 2,
        used: 2,
        windowEndsAt: null,
      },
    ]);
    expect(await used()).toEqual({ calls: 2 });
  });

  test('a feature that is not granted is 403, and its handler does not run', async () => {
    const { handle, runs } = counting();
    const server = await guard({ feature: 'absent', handle });

    const answer = await get(server);

    expect([answer.status, answer.body, runs()]).toEqual([
      403,
      { detail: "Feature 'absent' not licensed", code: 'FEATURE_NOT_LICENSED', feature: 'absent' },
      0,
    ]);
  });

  test('whoever is nobody has no license', async () => {
    const server = await guard();

    const answer = await get(server, { headers: {} });

    expect([answer.status, answer.body]).toEqual([
      403,
      { detail: 'No active license found for tenant', code: 'NO_ACTIVE_LICENSE', feature: 'calls' },
    ]);
    expect(await used()).toEqual({});
  });

  test('a defect in telling the licensee is the host’s own error, and opens nothing', async () => {
    const { handle, runs } = counting();
    const server = await guard({ handle });

    expect((await get(server, {}, 'broken')).status).toBe(500);
    expect([runs(), await used()]).toEqual([0, {}]);
  });

  test('the units of a handler that fails return', async () => {
    const server = await guard({
      handle: () => {
        throw new Error('broken for the test');
      },
    });

    expect((await get(server)).status).toBe(500);
    await expect.poll(used).toEqual({});
  });

  test('the units of a caller who hangs up before the answer return', async () => {
    let arrived: () => void = () => undefined;
    const arriving = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const leaving = new AbortController();
    const server = await guard({
      handle: () => {
        arrived();
        return new Promise<string>(() => undefined);
      },
    });

    const asked = get(server, { signal: leaving.signal });
    await arriving;
    const during = await used();
    leaving.abort();

    await expect(asked).rejects.toThrow('abort');
    expect(during).toEqual({ calls: 1 });
    await expect.poll(used).toEqual({});
  });

  test('whoever hangs up while the license server is asked reaches no handler, and keeps no units', async () => {
    const { handle, runs } = counting();
    const leaving = new AbortController();
    const leavingFirst: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      leaving.abort();
      await expect.poll(server.over).toBe(1);
      return response;
    };
    const server = await guard({ handle }, { fetch: leavingFirst });

    await expect(get(server, { signal: leaving.signal })).rejects.toThrow('abort');

    await expect.poll(used).toEqual({});
    expect(runs()).toBe(0);
  });

  test.each(outages)(
    'a license server that %s: CLOSED refuses with 503, OPEN lets in and says so',
    async (_how, outage) => {
      const { behave, ...options } = outage;
      bad.behave = behave ?? silent;
      const { handle } = counting();
      const closed = await guard({ handle }, { url: bad.url, ...options });
      const open = await guard({ handle }, { url: bad.url, ...options, failMode: 'OPEN' });

      const answers = [await get(closed), await get(open)];

      expect(answers).toEqual([
        {
          status: 503,
          body: {
            detail: 'The license server cannot be asked at the moment; try again.',
            code: 'ENTITLEMENTS_UNAVAILABLE',
            feature: 'calls',
          },
          uncounted: null,
        },
        { status: 200, body: '1', uncounted: 'the license server was away' },
      ]);
    },
  );
});
