import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addMillis, type Instant } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { createCustomer, createLicense, type Issued } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';

/** Streams of the product's own graph, whose marked fields are those of the licenses that they tell of. */
const plain = 'subscription { licenseChanged { license { id analytics { totalActivations } } } }';
const metered = `subscription { licenseChanged { license { id
  advancedAnalytics { operatingSystems { name } } } } }`;

let server: TestServer;
let other: TestServer;
let url: string;
let shop: FeatureShop;
let raw: RawSocket;
let watched: string;
beforeAll(async () => {
  server = await startTestServer({ events: true });
  other = await startTestServer({ events: true, beside: server });
  url = await listen(server);
});
beforeEach(async () => {
  server.now = START;
  other.now = START;
  shop = await openFeatureShop(server);
  watched = (await createLicense(server, shop)).id;
});
afterEach(async () => {
  await raw.hangUp();
  await nothingLeft(server);
});
afterAll(async () => {
  await other.stop();
  await server.stop();
});

const soon = (millis: number): Instant => addMillis(START, millis);

function grants(input: object = {}, feature: object = {}): Promise<Issued> {
  return createLicense(server, shop, {
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'SITE_LICENSE',
    features: [
      { featureId: 'analytics_dashboard', featureName: 'A', ...feature },
      { featureId: 'analytics_advanced', featureName: 'B', limitValue: 10, ...feature },
    ],
    ...input,
  });
}

/** A stream that follows; what is numbered later than it begins is told to it, though it was committed before. */
async function follow(query: string, as: Claims = shop.admin): Promise<void> {
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
  raw = await RawSocket.as(server, url, as);
  raw.ask('1', query);
  await expect.poll(() => server.machinery.feed?.readers).toBe(1);
}

const act = (on: TestServer, name: string, input: object) =>
  on.ok(mutation(name, 'license { id }'), { input }, shop.admin);
/** An event that the stream tells. */
async function change(): Promise<void> {
  const told = raw.of('1').length;
  await act(server, 'updateLicense', { licenseId: watched, issuedTo: `Ada ${told}` });
  await expect.poll(() => raw.of('1').length).toBe(told + 1);
}
const said = () =>
  raw.of('1').map(({ type, payload }) => {
    const text = JSON.stringify(payload);
    return /NO_ACTIVE_LICENSE|FEATURE_NOT_LICENSED|INTERNAL_SERVER_ERROR/.exec(text)?.[0] ?? type;
  });
async function ends(code: string, after: readonly string[] = []): Promise<void> {
  await raw.end('1');
  expect(said()).toEqual([...after, code]);
  expect(raw.of('1').at(-1)?.type).toBe('error');
}
function moveTo(millis: number): void {
  server.now = soon(millis);
  other.now = soon(millis);
}

describe('by time alone, without a word of anybody, a stream ends', () => {
  test('when its license expires that has no grace', async () => {
    await grants({ expiryDate: soon(300) });
    await follow(plain);
    await change();

    moveTo(300);

    await ends('FEATURE_NOT_LICENSED', ['next']);
  });

  test('with the end of grace, and goes on until then', async () => {
    await grants({
      expiryDate: soon(-86_400_000 + 400),
      issuedDate: '2026-01-01T00:00:00Z',
      gracePeriodDays: 1,
    });
    await follow(plain);
    await change();
    moveTo(399);
    await change();

    moveTo(400);

    await ends('FEATURE_NOT_LICENSED', ['next', 'next']);
  });

  test('when the feature itself ends', async () => {
    await grants({}, { expiresAt: soon(300) });
    await follow(plain);

    moveTo(300);

    await ends('FEATURE_NOT_LICENSED');
  });

  test('when the last of several licenses expires, whichever was found first', async () => {
    await grants({ expiryDate: soon(200) });
    await grants({ expiryDate: soon(400) });
    await grants({ expiryDate: soon(300) });
    await follow(plain);

    moveTo(399);
    await change();
    moveTo(400);

    await ends('FEATURE_NOT_LICENSED', ['next']);
  });

  test('and a customer without any other license is told that none is left', async () => {
    const customer_id = await createCustomer(server, shop.admin);
    await grants({ customerId: customer_id, expiryDate: soon(300) });
    await server.sql`delete from licenses where id = ${watched}`;
    await follow(plain, { tenant_id: shop.tenantId, roles: ['customer'], customer_id });

    moveTo(300);

    await ends('NO_ACTIVE_LICENSE');
  });
});

describe.each([
  ['the server that streams', () => server],
  ['another server', () => other],
])('an act on %s ends a stream', (_which, on) => {
  const reason = 'x';
  const taken: readonly [string, (license: Issued) => [string, object]][] = [
    ['when its license is revoked', ({ id }) => ['revokeLicense', { licenseId: id, reason }]],
    ['when its license is suspended', ({ id }) => ['suspendLicense', { licenseId: id, reason }]],
    [
      'when its license is switched off',
      ({ id }) => ['updateLicense', { licenseId: id, status: 'INACTIVE' }],
    ],
    [
      'when its feature is revoked',
      ({ id }) => ['revokeFeature', { licenseId: id, featureId: 'analytics_dashboard', reason }],
    ],
    [
      'when its license is made to end now',
      ({ id }) => ['updateLicense', { licenseId: id, expiryDate: START }],
    ],
  ];

  test.each(taken)('%s', async (_what, how) => {
    const license = await grants({ issuedDate: '2026-01-01T00:00:00Z' });
    await follow(plain);
    await change();

    await act(on(), ...how(license));

    const end = await raw.until(({ id, type }) => id === '1' && type === 'error');
    expect(JSON.stringify(end)).toContain('FEATURE_NOT_LICENSED');
  });

  test('when its license goes to another customer, the stream of the one that had it', async () => {
    const [ada, bola] = [
      await createCustomer(server, shop.admin),
      await createCustomer(server, shop.admin, 'B'),
    ];
    const { id } = await grants({ customerId: ada });
    await follow(plain, { tenant_id: shop.tenantId, roles: ['customer'], customer_id: ada });

    await act(on(), 'transferLicense', {
      licenseId: id,
      newCustomerId: bola,
      newIssuedTo: 'B',
      transferReason: reason,
    });

    const end = await raw.until(({ id, type }) => id === '1' && type === 'error');
    expect(JSON.stringify(end)).toContain('FEATURE_NOT_LICENSED');
  });
});

describe('the units that a stream was charged at its start', () => {
  test('return when time ends it before an event came', async () => {
    await grants({ expiryDate: soon(300) });
    await follow(metered);
    await expect.poll(() => unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1 });

    moveTo(300);

    await ends('FEATURE_NOT_LICENSED');
    await expect.poll(() => unitsUsed(server, shop.tenantId)).toEqual({});
  });

  test('stay when an event had come, and when the last unit is used up the stream goes on', async () => {
    const { id } = await grants({}, { limitValue: 1 });
    await follow(metered);
    await change();
    const during = await unitsUsed(server, shop.tenantId);
    await change();

    await act(other, 'revokeLicense', { licenseId: id, reason: 'x' });

    await raw.until(({ id: of, type }) => of === '1' && type === 'error');
    await expect.poll(() => server.machinery.feed?.readers).toBe(0);
    expect(during).toEqual({ analytics_advanced: 1 });
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1 });
    expect(
      raw
        .of('1')
        .filter(({ type }) => type === 'next')
        .every(({ payload }) => payload?.errors === undefined),
    ).toBe(true);
  });

  test('return when its caller is gone while it still begins', async () => {
    await grants({}, { limitValue: 100 });
    raw = await RawSocket.as(server, url, shop.admin);

    for (let index = 0; index < 20; index += 1) raw.ask(`s${index}`, metered);
    await expect
      .poll(() => server.count('usage_ledger', `tenant_id = '${shop.tenantId}'`), { interval: 1 })
      .toBeGreaterThan(0);
    raw.socket.terminate();

    await nothingLeft(server);
    await expect.poll(() => unitsUsed(server, shop.tenantId)).toEqual({});
  });

  test('are none where they were refused, and the fields beside those are told', async () => {
    await grants({}, { limitValue: 0 });
    await expect.poll(() => server.count('unsealed_events')).toBe(0);
    raw = await RawSocket.as(server, url, shop.admin);

    const both = `subscription { licenseChanged { license { id analytics { totalActivations }
      a: advancedAnalytics { operatingSystems { name } } b: advancedAnalytics { operatingSystems { name } } } } }`;
    raw.ask('1', both);
    await expect.poll(() => server.machinery.feed?.readers).toBe(1);
    await change();

    expect(raw.of('1')[0]?.payload).toMatchObject({
      data: {
        licenseChanged: { license: { id: watched, analytics: { totalActivations: 0 }, a: null, b: null } },
      },
      errors: [{ extensions: { code: 'QUOTA_EXCEEDED' } }, { extensions: { code: 'QUOTA_EXCEEDED' } }],
    });
    expect(await server.count('usage_ledger', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });
});
