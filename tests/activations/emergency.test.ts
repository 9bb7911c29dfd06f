import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyLicenseFile } from '../../src/sdk/offline/licenseFile.js';
import {
  actOn,
  eventsDuring,
  inRole,
  mutation,
  refused,
  refusedAct,
  refusedFields,
} from '../support/acts.js';
import { heartbeat, seatsOf, tryActivate, validateKey, validateToken } from '../support/devices.js';
import {
  activate,
  createLicense,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { blacklistDevice, emergencyCode } from '../support/guarding.js';
import { checkout, publishedKeys } from '../support/offline.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let beside: TestServer;
let shop: Shop;
let license: Issued;
beforeAll(async () => {
  server = await startTestServer();
  beside = await startTestServer({ beside: server });
});
/** One seat, which the laptop has; ten days of grace. */
beforeEach(async () => {
  shop = await openShop(server);
  license = await createLicense(server, shop, {
    customerId: shop.customerId,
    maxActivations: 1,
    expiryDate: '2026-04-01T00:00:00Z',
    gracePeriodDays: 10,
  });
  await activate(server, license.licenseKey, 'laptop');
});
afterAll(async () => {
  await beside.stop();
  await server.stop();
});

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SELECTION = `activationToken activation { id status activationType expiresAt leaseExpiresAt }
  license { status currentActivations }`;
const ACTIVATE = mutation('activateLicense', SELECTION);
const GENERATE = mutation('generateEmergencyCode', 'emergencyCode validUntil license { id }');

const code = (of = license) => emergencyCode(server, shop.admin, of);

async function enter(given: string, device = 'spare', on = server): Promise<Json> {
  const input = { licenseKey: license.licenseKey, deviceFingerprint: device, emergencyCode: given };
  const data = await on.ok(ACTIVATE, { input });
  if (data.activateLicense === undefined) throw new Error('no payload');
  return data.activateLicense;
}

const tryEnter = (given: string, device = 'spare', on = server, of = license) =>
  tryActivate(on, of.licenseKey, device, { emergencyCode: given });

/** Time passes on both servers. */
async function whenPassed<Result>(millis: number, run: () => Promise<Result>): Promise<Result> {
  const start = server.now;
  server.pass(millis);
  beside.now = server.now;
  try {
    return await run();
  } finally {
    server.now = start;
    beside.now = start;
  }
}

describe('an emergency code', () => {
  test('lets one device in beside the seats, for a day, and is counted by nobody', async () => {
    const given = await code();

    const { activation, license: of } = await enter(given);

    expect(activation).toMatchObject({
      status: 'ACTIVE',
      activationType: 'EMERGENCY',
      expiresAt: '2026-03-02T12:00:00.000Z',
      leaseExpiresAt: null,
    });
    expect(of).toEqual({ status: 'ACTIVE', currentActivations: 1 });
    const [row] =
      await server.sql`select current_activations as stored from licenses where id = ${license.id}`;
    expect(row?.stored).toBe(1);
    expect((await tryActivate(server, license.licenseKey, 'third')).code).toBe('ACTIVATION_LIMIT_EXCEEDED');
  });

  test('ends by itself a day later: its device is told so, and needs no sweep', async () => {
    const { activationToken } = await enter(await code());
    const asked = { deviceFingerprint: 'spare' };

    const before = [
      await validateToken(server, activationToken),
      await validateKey(server, license.licenseKey, asked),
      (await heartbeat(server, activationToken)).code,
    ];
    const later = await whenPassed(DAY, async () => [
      await validateToken(server, activationToken),
      await validateKey(server, license.licenseKey, asked),
      (await heartbeat(server, activationToken)).code,
    ]);

    const valid = { valid: true, code: 'VALID', reasons: [] };
    expect(before).toEqual([valid, valid, undefined]);
    expect(later).toEqual([
      { valid: false, code: 'ACTIVATION_EXPIRED', reasons: ['ACTIVATION_EXPIRED'] },
      { valid: false, code: 'TOO_MANY_DEVICES', reasons: ['TOO_MANY_DEVICES', 'NOT_ACTIVATED'] },
      'ACTIVATION_EXPIRED',
    ]);
  });

  test('passes over the end of grace, and gives a device that holds a seat a day beside it', async () => {
    await whenPassed(50 * DAY, async () => {
      const given = await code();
      const stopped = await validateKey(server, license.licenseKey, { deviceFingerprint: 'laptop' });

      const { activation, activationToken, license: of } = await enter(given, 'laptop');

      expect(stopped).toMatchObject({ code: 'LICENSE_SUSPENDED' });
      expect([activation?.status, of?.status]).toEqual(['ACTIVE', 'SUSPENDED']);
      expect(await validateToken(server, activationToken)).toMatchObject({ valid: true });
      expect(await validateKey(server, license.licenseKey, { deviceFingerprint: 'laptop' })).toMatchObject({
        valid: true,
      });
      expect((await heartbeat(server, activationToken)).errors).toEqual([]);
      const list = `{ activations(filter: { licenseId: "${license.id}" }) { nodes { status activationType } } }`;
      const listed = await server.ok(list, {}, shop.admin);
      const active = await server.ok(list.replace('" }', '", status: [ACTIVE] }'), {}, shop.admin);
      expect([listed.activations?.nodes, active.activations?.nodes]).toEqual([
        [
          { status: 'ACTIVE', activationType: 'EMERGENCY' },
          { status: 'SUSPENDED', activationType: 'ONLINE' },
        ],
        [{ status: 'ACTIVE', activationType: 'EMERGENCY' }],
      ]);
    });
    expect(await seatsOf(server, shop, license)).toMatchObject({ graph: 1, stored: 1 });
  });

  test('gives its device a license file for as long as it lasts, past the end of grace too', async () => {
    await whenPassed(50 * DAY, async () => {
      const { activation, activationToken } = await enter(await code());
      const given = await checkout(server, { activationToken, deviceFingerprint: 'spare' });
      const keys = await publishedKeys(server);
      const verdictIn = async (millis: number) => {
        const now = new Date(Date.parse(server.now) + millis);
        const facts = { deviceFingerprint: 'spare', now };
        return (await verifyLicenseFile(String(given.licenseFile), keys, facts)).code;
      };

      expect(given.expiresAt).toBe(activation?.expiresAt);
      expect([await verdictIn(DAY - 1), await verdictIn(DAY)]).toEqual(['VALID', 'ACTIVATION_EXPIRED']);
    });
  });

  test('lets a device into a floating license without a lease', async () => {
    license = await createLicense(server, shop, { licenseType: 'CONCURRENT', maxActivations: 1 });
    await activate(server, license.licenseKey, 'laptop');
    const { activation, activationToken } = await enter(await code());

    await heartbeat(server, activationToken);
    const later = await whenPassed(10 * HOUR, () => validateToken(server, activationToken));

    expect([activation?.leaseExpiresAt, later.code]).toEqual([null, 'VALID']);
  });

  test.each([
    ['suspended for cause', 'suspendLicense', { reason: 'unpaid' }, 'LICENSE_SUSPENDED'],
    ['revoked', 'revokeLicense', { reason: 'fraud' }, 'LICENSE_REVOKED'],
    ['switched off', 'updateLicense', { status: 'INACTIVE' }, 'LICENSE_INACTIVE'],
  ] as const)(
    'opens nothing of a license that is %s, and none is made for it',
    async (_what, act, input, refusal) => {
      const given = await code();
      await actOn(server, shop.admin, act, { licenseId: license.id, ...input });

      await refused(server, shop.admin, refusal, () => tryEnter(given));
      await refusedAct(
        server,
        shop.admin,
        'generateEmergencyCode',
        { licenseId: license.id, reason: 'x' },
        refusal,
      );
    },
  );

  test('opens nothing to a device that is shut out, nor for another product', async () => {
    const given = await code();
    await blacklistDevice(server, shop.admin, 'stolen');

    await refused(server, shop.admin, 'DEVICE_BLACKLISTED', () => tryEnter(given, 'stolen'));
    await refused(server, shop.admin, 'PRODUCT_MISMATCH', () =>
      tryActivate(server, license.licenseKey, 'spare', { emergencyCode: given, productId: 'OTHER' }),
    );
    expect((await enter(given)).activation).toMatchObject({ status: 'ACTIVE' });
  });

  test('opens nothing where a restriction does not, and is not used up by it', async () => {
    const given = await code();
    const restrictions = [{ restrictionType: 'DOMAIN', operator: 'ALLOW', values: ['*.example.com'] }];
    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, restrictions });
    const from = (domain: string) =>
      tryActivate(server, license.licenseKey, 'spare', { emergencyCode: given, domain });

    await refused(server, shop.admin, 'RESTRICTED_DOMAIN', () => from('app.example.net'));
    await refused(server, shop.admin, 'RESTRICTED_DOMAIN', () => tryEnter(given));

    expect((await from('app.example.com')).errors).toEqual([]);
  });

  test('shown by fifty devices on two servers lets exactly one of them in', async () => {
    const given = await code();

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        tryEnter(given, `device-${index}`, index % 2 === 0 ? server : beside),
      ),
    );

    const codes = answers.map((answer) => answer.code ?? 'in').toSorted();
    expect(codes).toEqual([...Array(49).fill('EMERGENCY_CODE_USED'), 'in']);
    expect(
      await server.count(
        'license_activations',
        `license_id = '${license.id}' and activation_type = 'EMERGENCY'`,
      ),
    ).toBe(1);
  });

  test('shown again by its own device, whose answer was lost, answers the same activation with a fresh token', async () => {
    const given = await code();
    const first = await enter(given);

    const [again, third] = [await enter(given), await enter(given, 'spare', beside)];
    const other = await tryEnter(given, 'other');

    expect([again.activation, third.activation]).toEqual([first.activation, first.activation]);
    expect(again.activationToken).not.toBe(first.activationToken);
    expect(await validateToken(server, third.activationToken)).toMatchObject({ valid: true });
    expect(other.code).toBe('EMERGENCY_CODE_USED');
    expect((await whenPassed(DAY, () => tryEnter(given))).code).toBe('EMERGENCY_CODE_USED');
  });

  test('of the next emergency lets the same device in again', async () => {
    const first = await enter(await code());
    const second = await whenPassed(DAY, async () => enter(await code()));

    expect(second.activation?.id).not.toBe(first.activation?.id);
    expect(second.activation).toMatchObject({ status: 'ACTIVE' });
  });

  test.each([
    ['a day old', (): Promise<string> => code(), DAY, 'EMERGENCY_CODE_EXPIRED'],
    [
      'of another license',
      async (): Promise<string> => code(await issueLicense(server, shop)),
      0,
      'EMERGENCY_CODE_UNKNOWN',
    ],
    [
      'of another tenant',
      async (): Promise<string> => {
        const theirs = await openShop(server);
        return emergencyCode(server, theirs.admin, await issueLicense(server, theirs));
      },
      0,
      'EMERGENCY_CODE_UNKNOWN',
    ],
    ['nobody’s', async (): Promise<string> => 'EMG-00000-00000-00000-00000', 0, 'EMERGENCY_CODE_UNKNOWN'],
    ['none at all', async (): Promise<string> => 'please', 0, 'EMERGENCY_CODE_UNKNOWN'],
  ] as const)(
    'that is %s is refused by name, and nothing is written',
    async (_what, made, millis, refusal) => {
      const given = await made();

      await whenPassed(millis, () => refused(server, shop.admin, refusal, () => tryEnter(given)));
    },
  );

  test('is read as people type it', async () => {
    const given = await code();
    const typed = ` ${given.slice(4).toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;

    expect((await enter(typed)).activation).toMatchObject({ activationType: 'EMERGENCY' });
  });
});

describe('generating', () => {
  test('is done three times in thirty days for one license, then refused with when the next is free', async () => {
    for (let made = 0; made < 3; made += 1) await whenPassed(made * HOUR, () => code());

    const error = await whenPassed(5 * HOUR, () =>
      refusedAct(
        server,
        shop.admin,
        'generateEmergencyCode',
        { licenseId: license.id, reason: 'x' },
        'EMERGENCY_CODE_LIMIT_EXCEEDED',
      ),
    );
    const free = await whenPassed(30 * DAY, () => code());

    expect(error.extensions.nextAt).toBe('2026-03-31T12:00:00.000Z');
    expect(free).toMatch(/^EMG(-[0-9A-HJKMNP-TV-Z]{5}){4}$/);
    await code(await issueLicense(server, shop));
  });

  test('asked twenty times at once on two servers makes exactly three', async () => {
    const input = { licenseId: license.id, reason: 'x' };

    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? server : beside).graphql(GENERATE, { input }, shop.admin),
      ),
    );

    const codes = answers.map((answer) => answer.code ?? 'made').toSorted();
    expect(codes).toEqual([...Array(17).fill('EMERGENCY_CODE_LIMIT_EXCEEDED'), 'made', 'made', 'made']);
    expect(await server.count('emergency_codes', `license_id = '${license.id}'`)).toBe(3);
  });

  test("is the vendor's and the customer's own, by id or by key", async () => {
    const own: Claims = { ...inRole(shop.admin, 'customer'), customer_id: shop.customerId };
    const input = { licenseKey: license.licenseKey, reason: 'the network is down' };

    const data = await server.ok(GENERATE, { input }, own);
    await server.ok(
      GENERATE,
      { input: { licenseId: license.id, reason: 'x' } },
      inRole(shop.admin, 'support'),
    );

    expect(data.generateEmergencyCode).toMatchObject({
      validUntil: '2026-03-02T12:00:00.000Z',
      license: { id: license.id },
    });
    for (const role of ['auditor', 'reseller'] as const)
      await refusedAct(server, inRole(shop.admin, role), 'generateEmergencyCode', input, 'FORBIDDEN');
    await refusedAct(
      server,
      inRole(shop.admin, 'customer'),
      'generateEmergencyCode',
      input,
      'LICENSE_NOT_FOUND',
    );
    await refused(server, shop.admin, 'UNAUTHENTICATED', () => server.graphql(GENERATE, { input }));
    const fields = await refusedFields(server, shop.admin, 'generateEmergencyCode', {
      ...input,
      licenseId: license.id,
    });
    expect(fields).toEqual(['input.licenseId']);
    expect(
      await refusedFields(server, shop.admin, 'generateEmergencyCode', { licenseId: license.id, reason: '' }),
    ).toEqual(['input.reason']);
  });

  test('every step is in the trail, and the code in no event, no log and no table', async () => {
    let given = '';
    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      given = await code();
      await enter(given);
    });
    await tryEnter(given, 'other');

    expect(events.map(({ type, licenseId, actor, data }) => [type, licenseId, actor, data.reason])).toEqual([
      ['emergency_code.generated', license.id, 'tester', 'the license server is away'],
      ['activation.created', license.id, `license:${license.id}`, undefined],
      ['emergency_code.used', license.id, `license:${license.id}`, undefined],
    ]);
    const letters = given.replaceAll('-', '').slice(3);
    const everything =
      await server.sql`select query_to_xml('select * from ' || relname, true, false, '')::text as content
      from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`;
    for (const text of [given, letters]) {
      expect(everything.filter(({ content }) => String(content).includes(text))).toEqual([]);
      expect(server.logged.join('\n')).not.toContain(text);
    }
  });
});
