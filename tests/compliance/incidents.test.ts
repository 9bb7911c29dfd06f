import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { impossibleTravel } from '../../src/activations/model/travel.js';
import {
  eventsDuring,
  inRole,
  listIn,
  mutation,
  refused,
  refusedAct,
  refusedFields,
} from '../support/acts.js';
import { heartbeat, tryActivate, validateKey, validateToken } from '../support/devices.js';
import { activate, createLicense, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import {
  type Answer,
  at,
  type Claims,
  type Json,
  startTestServer,
  type TestServer,
} from '../support/server.js';

let server: TestServer;
let beside: TestServer;
let shop: Shop;
const environment = { LG_INCIDENT_ACTIVATIONS: '3', LG_INCIDENT_MISSES: '5' };
beforeAll(async () => {
  server = await startTestServer({ environment });
  beside = await startTestServer({ beside: server, environment });
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(async () => {
  await beside.stop();
  await server.stop();
});

const LIST = `query ($first: Int! = 20, $after: String, $filter: SecurityIncidentFilter) {
  securityIncidents(first: $first, after: $after, filter: $filter) {
    nodes { id activityType source description evidence licenseId activationId reportedBy license { id } }
    totalCount pageInfo { hasNextPage endCursor } } }`;
const REPORT = mutation('reportSuspiciousActivity', 'incidentId');

async function incidents(filter: object = {}, as: Claims = shop.admin): Promise<readonly Json[]> {
  const data = await server.ok(LIST, { filter }, as);
  return listIn<Json>(data.securityIncidents?.nodes);
}

const raised = (activityType: string): Promise<readonly Json[]> =>
  incidents({ activityType, source: 'DETECTED' });
const untilRaised = (activityType: string, count = 1) =>
  expect.poll(async () => (await raised(activityType)).length).toBe(count);

const report = { activityType: 'API_ABUSE', description: 'The key stands in a public repository.' };

describe('a report', () => {
  test('is stored with who sent it and shown to auditors', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    const input = { ...report, licenseKey, evidence: { url: 'https://example.com', seen: [1, 2] } };

    const events = await eventsDuring(server, shop.admin.tenant_id, () =>
      server.ok(REPORT, { input }, shop.admin),
    );

    const [incident] = await incidents({}, inRole(shop.admin, 'auditor'));
    expect(incident).toMatchObject({
      ...report,
      source: 'REPORTED',
      evidence: input.evidence,
      licenseId: id,
      license: { id },
      reportedBy: 'tester',
    });
    expect(events.map(({ type, subjectId, data }) => [type, subjectId, data])).toEqual([
      ['incident.reported', incident?.id, { activity_type: 'API_ABUSE' }],
    ]);
  });

  test('is taken from an application by its key or token, of its own license, and twenty a day', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    const { activation, activationToken } = await activate(server, licenseKey, 'laptop');

    await server.ok(REPORT, { input: { ...report, activationToken } });
    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, index) =>
        (index % 2 === 0 ? server : beside).graphql(REPORT, { input: { ...report, licenseKey } }),
      ),
    );

    const codes = answers.map(({ code }) => code ?? 'taken').toSorted();
    expect(codes).toEqual([...Array(6).fill('RATE_LIMITED'), ...Array(19).fill('taken')]);
    const stored = await incidents({ licenseId: id, source: 'REPORTED' });
    expect(stored.length).toBe(20);
    expect(stored.at(-1)).toMatchObject({ activationId: activation?.id, reportedBy: `license:${id}` });
    await server.ok(REPORT, { input: { ...report, licenseKey } }, shop.admin);
  });

  test('without a key or token needs the permission; what is another tenant’s is not there', async () => {
    const theirs = await openShop(server);
    const { licenseKey } = await issueLicense(server, theirs);

    await refusedAct(server, inRole(shop.admin, 'customer'), 'reportSuspiciousActivity', report, 'FORBIDDEN');
    await refused(server, shop.admin, 'UNAUTHENTICATED', () => server.graphql(REPORT, { input: report }));
    await refusedAct(
      server,
      shop.admin,
      'reportSuspiciousActivity',
      { ...report, licenseKey },
      'LICENSE_NOT_FOUND',
    );
    const both = { ...report, licenseKey, activationToken: 'act_x' };
    expect(await refusedFields(server, shop.admin, 'reportSuspiciousActivity', both)).toEqual([
      'input.licenseKey',
    ]);
    const long = { ...report, description: 'x'.repeat(2001), evidence: { text: 'x'.repeat(20_000) } };
    expect(await refusedFields(server, shop.admin, 'reportSuspiciousActivity', long)).toEqual([
      'input.description',
      'input.evidence',
    ]);
    expect(await incidents()).toEqual([]);
  });
});

describe('the list', () => {
  test('pages by keyset and filters by kind and time', async () => {
    for (const activityType of ['API_ABUSE', 'UNUSUAL_LOCATION', 'TAMPERING_ATTEMPT']) {
      server.pass(1000);
      await server.ok(REPORT, { input: { ...report, activityType } }, shop.admin);
    }
    const last = server.now;

    const first = await server.ok(LIST, { first: 2 }, shop.admin);
    const after = first.securityIncidents?.pageInfo?.endCursor;
    const second = await server.ok(LIST, { first: 2, after }, shop.admin);

    expect([first.securityIncidents, second.securityIncidents]).toMatchObject([
      { nodes: [{ activityType: 'TAMPERING_ATTEMPT' }, { activityType: 'UNUSUAL_LOCATION' }], totalCount: 3 },
      { nodes: [{ activityType: 'API_ABUSE' }], pageInfo: { hasNextPage: false } },
    ]);
    expect((await incidents({ from: last })).map(({ activityType }) => activityType)).toEqual([
      'TAMPERING_ATTEMPT',
    ]);
    expect(await incidents({ activityType: 'MULTIPLE_ACTIVATIONS' })).toEqual([]);
  });

  test("shows whoever is bound to a customer that customer's licenses alone", async () => {
    const own = await issueLicense(server, shop);
    const { licenseKey } = await createLicense(server, shop);
    const bound: Claims = {
      tenant_id: shop.admin.tenant_id,
      customer_id: shop.customerId,
      permissions: ['incident.read', 'license.read'],
    };
    for (const key of [own.licenseKey, licenseKey])
      await server.ok(REPORT, { input: { ...report, licenseKey: key } }, shop.admin);
    await server.ok(REPORT, { input: report }, shop.admin);

    expect((await incidents({}, bound)).map(({ licenseId }) => licenseId)).toEqual([own.id]);
    expect((await incidents()).length).toBe(3);
  });
});

describe('the server finds by itself', () => {
  test('many activations of one license within an hour, once', async () => {
    const license = await createLicense(server, shop, { licenseModel: 'SITE_LICENSE' });
    const enrol = async (from: number, to: number) => {
      for (let device = from; device < to; device += 1)
        await activate(server, license.licenseKey, `d${device}`);
    };

    await enrol(0, 3);
    const before = await raised('MULTIPLE_ACTIVATIONS');
    await enrol(3, 8);

    expect(before).toEqual([]);
    expect(await raised('MULTIPLE_ACTIVATIONS')).toMatchObject([
      { licenseId: license.id, evidence: { most: 3 } },
    ]);
    server.pass(2 * 3_600_000);
    await enrol(8, 11);
    expect(await raised('MULTIPLE_ACTIVATIONS')).toHaveLength(1);
    await enrol(11, 12);
    expect(await raised('MULTIPLE_ACTIVATIONS')).toHaveLength(2);
  });

  const place = (country: string, latitude: number, longitude: number) => ({
    location: { country, timezone: 'UTC', coordinates: { latitude, longitude } },
  });

  test('a device that was in two places too soon, without writing the places down', async () => {
    const license = await issueLicense(server, shop);
    const berlin = place('DE', 52.5, 13.4);
    const { activation } = await activate(server, license.licenseKey, 'laptop', berlin);
    server.pass(60 * 60_000);
    await activate(server, license.licenseKey, 'laptop', place('DE', 53.5, 10));
    const near = await raised('UNUSUAL_LOCATION');
    server.pass(60 * 60_000);
    await activate(server, license.licenseKey, 'laptop', place('US', 40.7, -74));

    const [incident, ...others] = await raised('UNUSUAL_LOCATION');
    expect([near, others]).toEqual([[], []]);
    expect(incident).toMatchObject({
      licenseId: license.id,
      activationId: activation?.id,
      evidence: { kilometres: 6133, minutes: 60 },
    });
    const told = await server.count('license_event_logs', "event_data::text ~ '40.7|52.5'");
    expect(told).toBe(0);
  });

  test.each([
    ['the same place', ['DE', 52.5, 13.4], ['DE', 52.5, 13.4], 0, false],
    ['a suburb, at once', ['DE', 52.5, 13.4], ['DE', 52.4, 13.1], 0, false],
    ['New York in an hour', ['DE', 52.5, 13.4], ['US', 40.7, -74], 60, true],
    ['New York in seven hours', ['DE', 52.5, 13.4], ['US', 40.7, -74], 420, false],
    ['over the date line', ['FJ', -17, 179.9], ['FJ', -17, -179.9], 0, false],
    ['another country, at once', ['DE'], ['US'], 5, true],
    ['another country, later', ['DE'], ['US'], 15, false],
    ['the same country in lower case', ['DE'], ['de'], 0, false],
  ] as const)('%s', (_what, from, to, minutes, isImpossible) => {
    const start = at('2026-03-01T12:00:00Z');
    const end = at(new Date(Date.parse(start) + minutes * 60_000).toISOString());
    const sighting = (
      [country, latitude, longitude]: readonly [string, number?, number?],
      when: typeof start,
    ) => ({
      country,
      coordinates: latitude === undefined || longitude === undefined ? null : { latitude, longitude },
      at: when,
    });

    expect(impossibleTravel(sighting(from, start), sighting(to, end), 1000) !== undefined).toBe(isImpossible);
    expect(impossibleTravel(sighting(from, start), sighting(to, end), 0)).toBeUndefined();
  });

  test('bad signatures and edits behind its back, though the acts are rolled back, once each', async () => {
    const license = await issueLicense(server, shop);
    const check = (signature?: string) =>
      server.graphql(
        'query ($k: String!, $s: String) { checkLicenseIntegrity(licenseKey: $k, signature: $s) { integrityCheck } }',
        {
          k: license.licenseKey,
          s: signature,
        },
      );

    for (let tried = 0; tried < 3; tried += 1) await check('forged');
    await untilRaised('TAMPERING_ATTEMPT');
    await server.sql`update licenses set max_activations = 99 where id = ${license.id}`;
    for (let tried = 0; tried < 3; tried += 1) await check();
    await untilRaised('TAMPERING_ATTEMPT', 2);

    expect(
      (await raised('TAMPERING_ATTEMPT')).map(({ evidence, licenseId }) => [evidence?.code, licenseId]),
    ).toEqual([
      ['LICENSE_TAMPERED', license.id],
      ['SIGNATURE_INVALID', license.id],
    ]);
  });
});

describe('guessing', () => {
  const guesses: Readonly<Record<string, (on: TestServer) => Promise<Answer>>> = {
    'license keys, validated': (on) =>
      on.graphql('{ validateLicenseKey(licenseKey: "0000-0000-0000-0000-0000") { code } }'),
    'license keys, activated': (on) => tryActivate(on, '0000-0000-0000-0000-0000', 'd'),
    'activation tokens': (on) => on.graphql('{ validateActivation(activationToken: "act_x") { code } }'),
    heartbeats: (on) =>
      on.graphql('mutation { sendHeartbeat(input: { activationToken: "act_x" }) { status } }'),
    'keys in the header': (on) =>
      on.graphql('{ viewer { kind } }', {}, undefined, { authorization: 'License 0000-0000-0000-0000-0000' }),
    'tokens in the header': (on) =>
      on.graphql('{ viewer { kind } }', {}, undefined, { authorization: 'Activation act_x' }),
    'API keys': (on) => on.graphql('{ viewer { kind } }', {}, `lgk_${'0'.repeat(43)}`),
  };

  test.each(Object.entries(guesses))(
    'of %s raises an incident at the fifth, on whichever server',
    async (_what, guess) => {
      server.pass(24 * 3_600_000);
      beside.now = server.now;
      const abuse = async () =>
        (await raised('API_ABUSE')).filter(({ evidence }) => String(evidence?.code) === 'KEY_GUESSING')
          .length;

      for (let tried = 0; tried < 4; tried += 1) await guess(tried % 2 === 0 ? server : beside);
      await expect
        .poll(() => server.count('rate_limits', "bucket like 'missed:%' and hits % 5 = 4"))
        .toBeGreaterThan(0);
      const before = await abuse();
      await guess(beside);
      await expect.poll(abuse).toBe(1);
      for (let tried = 0; tried < 3; tried += 1) await guess(tried % 2 === 0 ? server : beside);
      await expect
        .poll(() => server.count('rate_limits', "bucket like 'missed:%' and hits % 8 = 0"))
        .toBeGreaterThan(0);

      expect([before, await abuse()]).toEqual([0, 1]);
      await server.sql`delete from rate_limits`;
    },
  );

  test('counts a token that was ended on a server that has known it, and nothing of it is done', async () => {
    await server.sql`delete from rate_limits`;
    const { id, licenseKey } = await issueLicense(server, shop);
    const { activationToken: first } = await activate(server, licenseKey, 'd');
    expect((await heartbeat(beside, first, { apiCallsCount: 1 })).errors).toEqual([]);
    const { activationToken: second } = await activate(server, licenseKey, 'd');
    expect((await heartbeat(server, second, { apiCallsCount: 10 })).errors).toEqual([]);

    await refused(beside, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
      heartbeat(beside, first, { apiCallsCount: 100 }),
    );

    await expect.poll(() => server.count('rate_limits', "bucket like 'missed:%' and hits = 1")).toBe(1);
    const told = await server.sql`select usage_metrics ->> 'api_calls_count' as calls from license_activations
      where license_id = ${id}`;
    expect(told).toEqual([{ calls: '11' }]);
  });

  test('of emergency codes raises one in the tenant whose license it is, and nowhere else', async () => {
    server.pass(24 * 3_600_000);
    beside.now = server.now;
    const other = await openShop(server);
    const license = await issueLicense(server, shop);

    await tryActivate(server, license.licenseKey, 'd', { emergencyCode: 'EMG-00000-00000-00000-00000' });

    await untilRaised('API_ABUSE');
    expect(await raised('API_ABUSE')).toMatchObject([
      { licenseId: license.id, evidence: { code: 'EMERGENCY_CODE_UNKNOWN' } },
    ]);
    expect(await incidents({}, other.admin)).toEqual([]);
  });

  test('costs as many statements for a key that is not there as for one of another tenant', async () => {
    const theirs = await openShop(server);
    const { licenseKey } = await issueLicense(server, theirs);
    const counted = async (key: string): Promise<[number, unknown]> => {
      server.statements.length = 0;
      const { code } = await validateKey(server, key, {}, shop.admin);
      // That a secret led nowhere is counted behind the answer.
      return [server.statements.filter((text) => !text.includes('rate_limits')).length, code];
    };
    await counted(licenseKey);

    const [foreign, unknown] = [await counted(licenseKey), await counted('0000-0000-0000-0000-0000')];
    const token = await validateToken(server, `act_${randomUUID()}`, {}, shop.admin);

    expect(foreign).toEqual(unknown);
    expect([foreign[1], token.code]).toEqual(['NOT_FOUND', 'NOT_FOUND']);
    await server.sql`delete from rate_limits`;
  });
});
