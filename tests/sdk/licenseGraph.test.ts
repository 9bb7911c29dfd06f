import { buildSchema } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { type LicenseGraphOptions, licenseGraph, requiresFeatureDirective } from '../../src/sdk/index.js';
import { createApiKey, revokeApiKey } from '../support/apiKeys.js';
import { differences } from '../support/consuming.js';
import { createCustomer, createLicense } from '../support/fixtures.js';
import { tick, untilFollowed } from '../support/hostStreams.js';
import { askHost, CUSTOMER_HEADER, hosts } from '../support/hosts.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

let server: TestServer;
let url: string;
let shop: FeatureShop;
let apiKey: string;
let customerId: string;
let licenseId: string;
const graceful = { customerId: '' };
beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = (await listen(server)).replace('ws:', 'http:');
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
  apiKey = (await createApiKey(server, shop.admin, { permissions: ['feature.consume'] })).secret;
  customerId = await createCustomer(server, shop.admin);
  const features = [
    { featureId: 'calls', featureName: 'Calls', limitValue: 2 },
    { featureId: 'gold', featureName: 'Gold', limitValue: 3 },
    { featureId: 'plain', featureName: 'Plain', expiresAt: '2026-03-01T12:02:00Z' },
  ];
  const made = await createLicense(server, shop, { licenseType: 'PERPETUAL', customerId, features });
  licenseId = made.id;
});
afterAll(() => server.stop());

const away = 'http://127.0.0.1:2/graphql';
const used = () => unitsUsed(server, shop.tenantId);

/** Counts what is sent, and looks at the time of the test. */
function connection(options: Partial<LicenseGraphOptions> = {}) {
  const sent: string[] = [];
  const counting: typeof fetch = (input, init) => {
    sent.push(String(input));
    return fetch(input, init);
  };
  const clock = () => Date.parse(server.now);
  const graph = licenseGraph({ url, apiKey, failMode: 'CLOSED', fetch: counting, clock, ...options });
  return { graph, sent };
}

/** `granted`, or code, status and message of the refusal. */
const said = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'granted',
    ({ code, status, message }) => [code, status, message],
  );

/** The same in one word. */
const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'granted',
    ({ code }) => code,
  );

describe('requireFeature', () => {
  test('draws units, gives them back once, and refuses as the decorator does', async () => {
    const { graph } = connection();
    const ask = (consume: number, feature = 'calls') =>
      graph.requireFeature({ customerId }, feature, { consume });

    const use = await ask(2);
    const over = await said(ask(1));
    await use.giveBack();
    await use.giveBack();
    const again = await said(ask(1));
    const absent = await said(ask(0, 'absent'));
    const nobody = await said(graph.requireFeature(undefined, 'calls'));
    const unknown = await said(
      graph.requireFeature({ customerId: '00000000-0000-7000-8000-000000000000' }, 'calls'),
    );

    expect(over).toEqual(['QUOTA_EXCEEDED', 429, 'Feature quota exceeded: 2/2']);
    expect(again).toBe('granted');
    expect(absent).toEqual(['FEATURE_NOT_LICENSED', 403, "Feature 'absent' not licensed"]);
    expect(nobody).toEqual(['NO_ACTIVE_LICENSE', 403, 'No active license found for tenant']);
    expect(unknown).toEqual(nobody);
    expect(await used()).toEqual({ calls: 1 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test.each([10 ** 12 + 1, Number.MAX_SAFE_INTEGER])(
    'is told of %d units what a license says of any others',
    async (consume) => {
      const features = [{ featureId: 'endless', featureName: 'Endless', limitValue: null }];
      await createLicense(server, shop, { licenseType: 'PERPETUAL', customerId, features });
      const { graph } = connection();

      const over = await codeOf(graph.requireFeature({ customerId }, 'calls', { consume }));
      const granted = await codeOf(graph.requireFeature({ customerId }, 'endless', { consume }));

      expect([over, granted]).toEqual(['QUOTA_EXCEEDED', 'granted']);
      expect(await used()).toEqual({ endless: consume });
    },
  );

  test('sends what was lost again under its own key, and draws once', async () => {
    let lost = 0;
    const losing: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (lost > 0) return response;
      lost += 1;
      throw new TypeError('the answer was lost');
    };
    const { graph } = connection({ fetch: losing });

    expect(await codeOf(graph.requireFeature({ customerId }, 'calls', { consume: 1 }))).toBe('granted');

    expect(lost).toBe(1);
    expect(await used()).toEqual({ calls: 1 });
  });
});

describe('while the license server is away', () => {
  test('CLOSED refuses, and says that nobody could be asked', async () => {
    const errors: unknown[] = [];
    const { graph } = connection({ url: away, onError: (error) => void errors.push(error) });

    expect(await said(graph.requireFeature({ customerId }, 'calls', { consume: 1 }))).toEqual([
      'ENTITLEMENTS_UNAVAILABLE',
      503,
      'The license server cannot be asked at the moment; try again.',
    ]);
    expect(errors).toHaveLength(1);
  });

  test('OPEN passes uncounted, and says so', async () => {
    const { graph } = connection({ url: away, failMode: 'OPEN' });

    const use = await graph.requireFeature({ customerId }, 'calls', { consume: 1 });

    expect(use.uncounted).toBe('the license server was away');
    expect(await used()).toEqual({});
  });

  test.each(Object.entries(hosts))(
    '%s says in the extensions of its answer what passed uncounted',
    async (_n, start) => {
      const host = await start(connection({ url: away, failMode: 'OPEN' }).graph);

      const answer = await askHost(host, { query: '{ gold }' }, { [CUSTOMER_HEADER]: customerId });
      const stream = await host.follow('subscription { gilded }', customerId);
      await untilFollowed(1);
      tick(1);
      await expect.poll(stream.told).toEqual([{ gilded: 1 }]);
      await stream.stop();
      await untilFollowed(0);
      await host.stop();

      expect(answer.data).toEqual({ gold: 1 });
      const said = { licensegraph: { uncounted: 'the license server was away' } };
      expect([answer.extensions, ...stream.extensions()]).toEqual([said, said]);
      expect(await used()).toEqual({});
    },
  );

  test('OPEN does not open for a key that was revoked, nor for whom the server does not know', async () => {
    const made = await createApiKey(server, shop.admin, { permissions: ['feature.consume'] });
    await revokeApiKey(server, shop.admin, made.id);
    const revoked = connection({ apiKey: made.secret, failMode: 'OPEN' }).graph;
    const { graph } = connection({ failMode: 'OPEN' });

    const answers = [
      await codeOf(revoked.requireFeature({ customerId }, 'calls')),
      await codeOf(graph.requireFeature({ licenseKey: 'AAAA-AAAA-AAAA-AAAA-AAAA' }, 'calls')),
    ];

    expect(answers).toEqual(['ENTITLEMENTS_UNAVAILABLE', 'NO_ACTIVE_LICENSE']);
  });

  test.each(['REMOTE', 'LOCAL'] as const)(
    '%s tells an address that is no graph from a licensee without a license',
    async (decide) => {
      const errors: unknown[] = [];
      const onError = (error: unknown) => void errors.push(error);
      const beside = connection({ url: new URL('/', url).href, failMode: 'OPEN', decide, onError }).graph;

      expect(await codeOf(beside.requireFeature({ customerId }, 'gold'))).toBe('ENTITLEMENTS_UNAVAILABLE');

      expect(errors).toEqual([expect.objectContaining({ code: 'NOT_FOUND' })]);
    },
  );

  test('an id that no feature can have is told to the host; a licensee that cannot be one has no license', async () => {
    const errors: unknown[] = [];
    const { graph } = connection({ failMode: 'OPEN', onError: (error) => void errors.push(error) });

    const answers = [
      await codeOf(graph.requireFeature({ customerId }, '')),
      await codeOf(graph.requireFeature({ customerId }, '', { consume: 1 })),
      await codeOf(graph.requireFeature({ customerId: 'nobody' }, 'gold')),
      await codeOf(graph.requireFeature({ licenseKey: 'a\u0000b' }, 'gold', { consume: 1 })),
    ];

    const unavailable = 'ENTITLEMENTS_UNAVAILABLE';
    expect(answers).toEqual([unavailable, unavailable, 'NO_ACTIVE_LICENSE', 'NO_ACTIVE_LICENSE']);
    const told = {
      code: 'INVALID_INPUT',
      message: expect.stringContaining('uses.0.featureId: must be 1 to 50'),
    };
    expect(errors).toEqual([expect.objectContaining(told), expect.objectContaining(told)]);
    expect(await used()).toEqual({});
  });

  test('a failure mode has to be chosen', () => {
    const options = { url, apiKey } as LicenseGraphOptions;

    expect(() => licenseGraph(options)).toThrow("failMode: has to be 'CLOSED' or 'OPEN'");
  });
});

describe('deciding locally', () => {
  test.each([
    ['its customer is asked for', () => ({ customerId: graceful.customerId })],
    ['the API key stands for the tenant', () => 'SELF' as const],
  ])(
    'a license in grace grants, to its end and no longer, as where the server decides: %s',
    async (_, who) => {
      graceful.customerId = await createCustomer(server, shop.admin);
      await createLicense(server, shop, {
        licenseType: 'SUBSCRIPTION',
        customerId: graceful.customerId,
        expiryDate: addMillis(server.now, 60_000),
        gracePeriodDays: 1,
        features: [
          { featureId: 'lasting', featureName: 'Lasting' },
          { featureId: 'short', featureName: 'Short', expiresAt: addMillis(server.now, 120_000) },
        ],
      });
      const told: unknown[] = [];
      for (const millis of [0, 90_000, 60_000, DAY_MILLIS - 150_000, 60_000]) {
        server.pass(millis);
        const asked = [];
        for (const decide of ['LOCAL', 'REMOTE'] as const) {
          const { graph } = connection({ decide });
          for (const feature of ['lasting', 'short'])
            asked.push((await codeOf(graph.requireFeature(who(), feature))) === 'granted');
        }
        told.push(asked);
      }
      server.pass(-DAY_MILLIS - 60_000);

      const both = (lasting: boolean, short: boolean) => [lasting, short, lasting, short];
      expect(told).toEqual([
        both(true, true),
        both(true, true),
        both(true, false),
        both(true, false),
        both(false, false),
      ]);
    },
  );

  test('asks once for as long as the signed set holds, and minds the end of a feature', async () => {
    const { graph, sent } = connection({ decide: 'LOCAL' });
    const ask = (feature: string) => codeOf(graph.requireFeature({ customerId }, feature));

    const first = [await ask('plain'), await ask('calls'), await ask('absent')];
    const calls = sent.length;
    server.pass(150_000);
    const ended = await ask('plain');
    const after = sent.length;
    server.pass(200_000);
    await ask('calls');

    expect(first).toEqual(['granted', 'granted', 'FEATURE_NOT_LICENSED']);
    expect([calls, after, sent.length]).toEqual([2, 2, 4]);
    expect(ended).toBe('FEATURE_NOT_LICENSED');
  });

  test('draws units from the server all the same', async () => {
    const { graph } = connection({ decide: 'LOCAL' });

    await graph.requireFeature({ customerId }, 'calls', { consume: 2 });

    expect(await used()).toEqual({ calls: 2 });
  });

  test('goes on while the server is away, until the set is over', async () => {
    let isAway = false;
    const failing: typeof fetch = (input, init) =>
      isAway ? Promise.reject(new TypeError('away')) : fetch(input, init);
    const { graph } = connection({ decide: 'LOCAL', fetch: failing });
    const ask = () => codeOf(graph.requireFeature({ customerId }, 'calls'));

    const before = await ask();
    isAway = true;
    const during = await ask();
    server.pass(301_000);

    expect([before, during]).toEqual(['granted', 'granted']);
    expect(await ask()).toBe('ENTITLEMENTS_UNAVAILABLE');
  });

  test('takes no set that somebody else has signed', async () => {
    const forging: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const body = await response.text();
      const forged = body.replace(/"token":"([^.]+)\.[^.]+\./, (_all, head: string) => {
        const claims = { iss: 'licensegraph', sub: 'x', exp: 9e9, licensed: true, features: [] };
        return `"token":"${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
      });
      return new Response(forged, { status: response.status });
    };
    const { graph } = connection({ decide: 'LOCAL', failMode: 'OPEN', fetch: forging });

    expect(await codeOf(graph.requireFeature({ customerId }, 'calls'))).toBe('ENTITLEMENTS_UNAVAILABLE');
  });
});

describe('the directive', () => {
  const { typeDefs } = requiresFeatureDirective();

  test.each([
    ['a feature outside the list', 'a: Int @requiresFeature(feature: "golf")', "no feature 'golf'"],
    [
      'a path that leads to no number',
      'a(b: String): Int @requiresFeature(feature: "gold", consumeQuota: true, amountFrom: "b")',
      'amountFrom: b',
    ],
    ['a field that cannot be null', 'a: Int! @requiresFeature(feature: "gold")', 'is not nullable'],
  ])('does not let a schema start that names %s', (_what, field, problem) => {
    const { transformer } = requiresFeatureDirective({ features: ['gold'] });

    expect(() => transformer(buildSchema(`${typeDefs} type Query { ${field} }`))).toThrow(problem);
  });

  test('keeps a marked field closed that no adapter has decided on', async () => {
    const { graphql } = await import('graphql');
    const schema = requiresFeatureDirective().transformer(
      buildSchema(`${typeDefs}type Query { a: Int @requiresFeature(feature: "gold") }`),
    );

    const answers = [
      await graphql({ schema, source: '{ a }', rootValue: { a: 1 } }),
      await graphql({ schema, source: '{ a }', rootValue: { a: 1 }, contextValue: {} }),
    ];

    expect(answers.map(({ data, errors }) => [data?.a, errors?.[0]?.extensions.code])).toEqual([
      [null, 'NO_ACTIVE_LICENSE'],
      [null, 'NO_ACTIVE_LICENSE'],
    ]);
  });
});

test('a license that is revoked is refused by the next remote question', async () => {
  const { graph } = connection();
  const ask = () => codeOf(graph.requireFeature({ customerId }, 'calls', { consume: 1 }));

  const before = await ask();
  await server.ok(
    `mutation { revokeLicense(input: { licenseId: "${licenseId}", reason: "fraud" }) { __typename } }`,
    {},
    shop.admin,
  );

  expect(before).toBe('granted');
  expect(await ask()).toBe('NO_ACTIVE_LICENSE');
});
