import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { ACTIVATE } from '../support/devices.js';
import { createLicense, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { keyed, refusedUnderKey, sendTwice } from '../support/replays.js';
import { type Answer, type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

const ISSUE = `mutation Issue($input: IssueLicenseInput!) { issueLicense(input: $input) {
  licenseKey licenseId license { status customer { name } } } }`;

const tenantOf = ({ admin }: Shop): string => admin.tenant_id;
const issueInput = ({ customerId, templateId }: Shop) => ({ input: { customerId, templateId } });
const issue = (key: string, as: Claims = shop.admin, of: Shop = shop): Promise<Answer> =>
  server.graphql(ISSUE, issueInput(of), as, keyed(key));
const idOf = ({ data }: Answer): string => String(data?.issueLicense?.licenseId);
const licenses = (of: Shop = shop): Promise<number> =>
  server.count('licenses', `tenant_id = '${tenantOf(of)}'`);

const refusedWith = (code: string, send: () => Promise<Answer>): Promise<Answer> =>
  refusedUnderKey(server, tenantOf(shop), code, send);

describe('an answer is kept for seven days', () => {
  test('to the millisecond; then the key is free, and its act is done anew', async () => {
    const first = await issue('order-1');
    server.pass(7 * DAY_MILLIS);
    const last = await issue('order-1');
    server.pass(1);
    const next = await issue('order-1');
    const after = await issue('order-1');
    server.pass(7 * DAY_MILLIS + 1);
    const third = await issue('order-1');
    const thirdAgain = await issue('order-1');

    expect([first, next, third].flatMap(({ errors }) => errors)).toEqual([]);
    expect([last, after, thirdAgain].map(idOf)).toEqual([first, next, third].map(idOf));
    expect(new Set([first, next, third].map(idOf)).size).toBe(3);
    expect(await licenses()).toBe(3);
  });

  test('each root field of an operation anew, whose name begins like the name of another', async () => {
    const query =
      'mutation { a: createReseller(input: { name: "R" }) { ...Made } a_: createReseller(input: { name: "R" }) { ...Made } ' +
      'ab: createReseller(input: { name: "R" }) { ...Made } } fragment Made on CreateResellerPayload { reseller { id } }';
    const send = () => server.ok(query, {}, shop.admin, keyed('made'));
    const first = await send();
    server.pass(7 * DAY_MILLIS + 1);

    const next = await send();

    expect(await send()).toEqual(next);
    const ids = [first, next].flatMap((data) => Object.values(data).map((made) => made?.reseller?.id));
    expect(new Set(ids).size).toBe(6);
    expect(await server.count('resellers', `tenant_id = '${tenantOf(shop)}'`)).toBe(6);
  });

  test('a key that is free again may ask anything', async () => {
    await issue('order-1');
    server.pass(7 * DAY_MILLIS + 1);

    const query = 'mutation { issueLicense: createReseller(input: { name: "R" }) { reseller { name } } }';
    const answer = await server.graphql(query, {}, shop.admin, keyed('order-1'));

    expect(answer.data).toEqual({ issueLicense: { reseller: { name: 'R' } } });
  });

  test('a refusal leaves an answer that is over as it was', async () => {
    const query = `mutation { suspendLicense(input: { licenseId: "${(await issueLicense(server, shop)).id}", reason: "x" }) { license { status } } }`;
    await server.ok(query, {}, shop.admin, keyed('stop'));
    server.pass(7 * DAY_MILLIS + 1);

    await refusedWith('INVALID_TRANSITION', () => server.graphql(query, {}, shop.admin, keyed('stop')));
  });

  test('a mutation may have a response name of any length, again after seven days', async () => {
    for (const length of [219, 220, 254, 255, 400]) {
      const query = `mutation { ${'a'.repeat(length)}: createReseller(input: { name: "R" }) { reseller { id } } }`;
      const [first, again] = await sendTwice(server, query, {}, shop.admin, `long ${length}`);
      server.pass(7 * DAY_MILLIS + 1);
      const [next, nextAgain] = await sendTwice(server, query, {}, shop.admin, `long ${length}`);

      expect([first, next].flatMap(({ errors }) => errors)).toEqual([]);
      expect([again, nextAgain]).toEqual([first, next]);
      expect(next).not.toEqual(first);
    }
  });
});

describe('what is stored', () => {
  test('holds no key, no token and no name as it is', async () => {
    const { licenseKey } = await createLicense(server, shop);
    const device = { licenseKey, deviceFingerprint: 'fingerprint-of-nobody-else' };
    const issued = await issue('order-1');
    const activated = await server.graphql(ACTIVATE, { input: device }, undefined, keyed('device-1'));

    const rows = await server.sql`select row_to_json(t)::text as row from idempotency_keys t
      where tenant_id = ${tenantOf(shop)}`;
    const stored = rows.map(({ row }) => String(row)).join('\n');
    const secrets = [
      licenseKey,
      device.deviceFingerprint,
      String(issued.data?.issueLicense?.licenseKey),
      String(activated.data?.activateLicense?.activationToken),
      'Ada Okafor',
    ];

    expect(rows).toHaveLength(2);
    expect(secrets.filter((secret) => stored.includes(secret))).toEqual([]);
  });

  test('opens under its own key only', async () => {
    await issue('order-1');
    await server.sql`update idempotency_keys set key = 'order-2' where tenant_id = ${tenantOf(shop)}`;

    const answer = await refusedWith('INTERNAL_SERVER_ERROR', () => issue('order-2'));

    expect(answer.data).toEqual({ issueLicense: null });
  });

  test('is found and opened after the secrets have rotated', async () => {
    const first = await issue('order-1');
    const { peppers, encryption } = server.keys;
    const rotated = await startTestServer({
      beside: server,
      keys: {
        ...server.keys,
        peppers: [{ id: 'k2', bytes: Buffer.alloc(32, 1) }, ...peppers],
        encryption: [{ id: 'k2', bytes: Buffer.alloc(32, 2) }, ...encryption],
      },
    });
    rotated.now = server.now;

    const again = await rotated
      .graphql(ISSUE, issueInput(shop), shop.admin, keyed('order-1'))
      .finally(() => rotated.stop());

    expect(again).toEqual(first);
  });
});
