import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { actOn, eventsDuring, refused } from '../support/acts.js';
import { deactivate, heartbeat, seatsOf } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let license: Issued;
let token: unknown;

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.now = START;
  license = await createLicense(server, shop, { expiryDate: addDays(START, 10), gracePeriodDays: 5 });
  token = (await activate(server, license.licenseKey, 'device-1')).activationToken;
});

async function beat(metrics?: object) {
  const answer = await heartbeat(server, token, metrics);
  expect(answer.errors).toEqual([]);
  return answer.data?.sendHeartbeat;
}

test('a heartbeat answers as the contract says, and writes no event', async () => {
  server.pass(60_000);

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    expect(await beat()).toEqual({
      status: 'SUCCESS',
      message: 'Heartbeat received successfully',
      activation: {
        id: expect.any(String),
        status: 'ACTIVE',
        leaseExpiresAt: null,
        lastHeartbeat: server.now,
        usageMetrics: {
          totalRuntimeHours: 0,
          featureUsage: {},
          apiCallsCount: 0,
          dataProcessedMb: 0,
          lastUsedAt: server.now,
          peakConcurrentUsers: null,
        },
      },
    });
  });

  expect(events).toEqual([]);
});

describe('metrics', () => {
  test('of every heartbeat count: counters add, peaks keep the highest, the last use the latest', async () => {
    await beat({
      totalRuntimeHours: 1.5,
      apiCallsCount: 10,
      dataProcessedMb: 0.25,
      peakConcurrentUsers: 7,
      featureUsage: { maps: 2 },
    });
    server.pass(1000);
    await beat({ apiCallsCount: 1, peakConcurrentUsers: 3, lastUsedAt: addDays(START, -1) });
    const last = await beat({
      totalRuntimeHours: 0.5,
      dataProcessedMb: 1,
      featureUsage: { maps: 1, charts: 4 },
      lastUsedAt: null,
      apiCallsCount: null,
    });

    expect(last?.activation?.usageMetrics).toEqual({
      totalRuntimeHours: 2,
      featureUsage: { maps: 3, charts: 4 },
      apiCallsCount: 11,
      dataProcessedMb: 1.25,
      lastUsedAt: addMillis(START, 1000),
      peakConcurrentUsers: 7,
    });
  });

  test('of a hundred heartbeats, ten at a time, add up to the unit', async () => {
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 10 }, (_, lane) =>
          beat({
            apiCallsCount: lane,
            totalRuntimeHours: 0.25,
            peakConcurrentUsers: round * 10 + lane,
            featureUsage: { [`lane${lane % 2}`]: 1 },
          }),
        ),
      );
    }

    const last = await beat();
    expect(last?.activation?.usageMetrics).toEqual({
      totalRuntimeHours: 25,
      featureUsage: { lane0: 50, lane1: 50 },
      apiCallsCount: 450,
      dataProcessedMb: 0,
      lastUsedAt: START,
      peakConcurrentUsers: 99,
    });
  });

  test('take the words of the application as they are', async () => {
    const featureUsage = {
      constructor: 2,
      toString: 1,
      hasOwnProperty: 3,
      max_speed: 1,
      maxSpeed: 2,
      'Überblick 📡': 5,
      'two\nlines, "quoted" {and} \\ barred': 3,
    };
    await beat({ featureUsage });

    const last = await beat({ featureUsage });

    const twice = Object.fromEntries(
      Object.entries(featureUsage).map(([name, uses]) => [name, 2 * Number(uses)]),
    );
    expect(last?.activation?.usageMetrics?.featureUsage).toEqual(twice);
  });

  test('tell of 500 features at most, and those go on counting', async () => {
    const named = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`feature-${from + index}`, 1]));
    await beat({ featureUsage: named(0, 250) });
    await beat({ featureUsage: named(250, 250) });

    const error = await refused(server, shop.admin, 'INVALID_INPUT', () =>
      heartbeat(server, token, { apiCallsCount: 1, featureUsage: { 'feature-0': 1, another: 1 } }),
    );
    const last = await beat({ featureUsage: { 'feature-0': 1 } });

    expect(error.extensions.fields).toEqual([
      {
        field: 'input.metrics.featureUsage',
        message: 'an activation tells of at most 500 features',
      },
    ]);
    expect(last?.activation?.usageMetrics?.featureUsage).toEqual({ ...named(0, 500), 'feature-0': 2 });
  });

  test('name features in at most 100 characters: nobody fills a row that every heartbeat writes', async () => {
    await beat({ featureUsage: { ['n'.repeat(100)]: 1 } });

    const error = await refused(server, shop.admin, 'INVALID_INPUT', () =>
      heartbeat(server, token, { apiCallsCount: 1, featureUsage: { ['n'.repeat(101)]: 1 } }),
    );
    const last = await beat();

    expect(error.message).toBe(
      'input.metrics.featureUsage: must map names of at most 100 characters to numbers from 0 to 10^12',
    );
    expect(last?.activation?.usageMetrics).toMatchObject({
      featureUsage: { ['n'.repeat(100)]: 1 },
      apiCallsCount: 0,
    });
  });

  test('were used now at the latest, whatever the clock of the device says', async () => {
    const ahead = await beat({ lastUsedAt: addDays(START, 3650) });
    server.pass(1000);
    const later = await beat();

    expect(ahead?.activation?.usageMetrics?.lastUsedAt).toBe(START);
    expect(later?.activation?.usageMetrics?.lastUsedAt).toBe(addMillis(START, 1000));
  });

  test('past the largest safe number are answered all the same', async () => {
    await beat({ apiCallsCount: 1 });
    await server.sql`update license_activations
      set usage_metrics = usage_metrics || '{"api_calls_count": 9007199254740990}' where license_id = ${license.id}`;

    const last = await beat({ apiCallsCount: 1_000_000 });

    expect(last?.activation?.usageMetrics?.apiCallsCount).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('outlive the next activation of the device', async () => {
    await beat({ apiCallsCount: 5 });
    token = (await activate(server, license.licenseKey, 'device-1')).activationToken;

    const last = await beat({ apiCallsCount: 5 });

    expect(last?.activation?.usageMetrics?.apiCallsCount).toBe(10);
  });

  test.each([
    ['totalRuntimeHours', { totalRuntimeHours: -0.5 }],
    ['totalRuntimeHours', { totalRuntimeHours: 1e13 }],
    ['apiCallsCount', { apiCallsCount: -1 }],
    ['apiCallsCount', { apiCallsCount: 1e13 }],
    ['dataProcessedMb', { dataProcessedMb: -1 }],
    ['peakConcurrentUsers', { peakConcurrentUsers: -1 }],
    ['featureUsage', { featureUsage: { maps: -1 } }],
    ['featureUsage', { featureUsage: { maps: '1' } }],
    ['featureUsage', { featureUsage: { maps: { deep: 1 } } }],
    ['featureUsage', { featureUsage: { maps: null } }],
    ['featureUsage', { featureUsage: { '\0': 1 } }],
    ['featureUsage', { featureUsage: { '\ud800': 1 } }],
  ])('that do not fit are refused by name: %s %j', async (field, metrics) => {
    const error = await refused(server, shop.admin, 'INVALID_INPUT', () => heartbeat(server, token, metrics));

    expect(error.extensions.fields?.map((problem) => problem.field)).toEqual([`input.metrics.${field}`]);
  });

  test.each([
    ['a fraction of a call', { apiCallsCount: 1.5 }],
    ['a day that is none', { lastUsedAt: '2026-02-30T00:00:00Z' }],
    ['usage that is a list', { featureUsage: [1] }],
    ['a peak past 32 bits', { peakConcurrentUsers: 3_000_000_000 }],
  ])('of the wrong type are refused: %s', async (_, metrics) => {
    await refused(server, shop.admin, 'BAD_USER_INPUT', () => heartbeat(server, token, metrics));
  });
});

test('of two heartbeats the later stays, whichever is stored last', async () => {
  const floating = await createLicense(server, shop, { licenseType: 'CONCURRENT' });
  token = (await activate(server, floating.licenseKey, 'device-1')).activationToken;
  server.pass(60_000);
  const late = server.now;
  await beat();
  server.now = addMillis(START, 30_000);

  const early = await beat();

  expect(early?.activation?.lastHeartbeat).toBe(late);
  expect(early?.activation?.leaseExpiresAt).toBe(addMillis(late, 900_000));
});

describe('a heartbeat is', () => {
  const act = (name: string, input: object) =>
    actOn(server, shop.admin, name, { licenseId: license.id, ...input });
  const refusedBeat = (code: Parameters<typeof refused>[2]) =>
    refused(server, shop.admin, code, () => heartbeat(server, token, { apiCallsCount: 1 }));

  test('taken to the last millisecond of grace, and refused after it', async () => {
    server.pass(15 * DAY_MILLIS - 1);
    expect((await beat())?.activation?.status).toBe('ACTIVE');
    server.pass(1);

    const error = await refusedBeat('LICENSE_SUSPENDED');

    expect(error.extensions.reason).toBe('Grace period expired');
  });

  test('refused while the license is suspended, and taken after reinstatement', async () => {
    await act('suspendLicense', { reason: 'Unpaid' });
    const error = await refusedBeat('LICENSE_SUSPENDED');
    await act('reinstateLicense', {});

    expect(error.extensions.reason).toBe('Unpaid');
    expect((await beat())?.activation?.status).toBe('ACTIVE');
  });

  test('refused when the license is switched off', async () => {
    await act('updateLicense', { status: 'INACTIVE' });

    await refusedBeat('LICENSE_INACTIVE');
  });

  test('refused when the license was revoked', async () => {
    await act('revokeLicense', { reason: 'Fraud' });

    await refusedBeat('LICENSE_REVOKED');
  });

  test('refused when the activation was ended', async () => {
    await deactivate(server, { activationToken: token });

    await refusedBeat('ACTIVATION_DEACTIVATED');
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
  });

  test('refused without a token that is known', async () => {
    token = 'act_unknown';

    const error = await refusedBeat('ACTIVATION_NOT_FOUND');

    expect(error.message).toBe('There is no activation with this token.');
  });

  test('refused with the token of another tenant', async () => {
    const elsewhere = await server.tenant();

    await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
      server.graphql(
        'mutation ($input: SendHeartbeatInput!) { sendHeartbeat(input: $input) { status } }',
        { input: { activationToken: token } },
        elsewhere,
      ),
    );
  });
});
