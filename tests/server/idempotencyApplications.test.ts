import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ACTIVATE, DEACTIVATE, HEARTBEAT } from '../support/devices.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { keyed, refusedUnderKey, sendTwice, storedAnswers } from '../support/replays.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

const tenantOf = ({ admin }: Shop): string => admin.tenant_id;
const events = (type: string): Promise<number> =>
  server.count('license_event_logs', `tenant_id = '${tenantOf(shop)}' and event_type = '${type}'`);
const refusedWith = (code: string, send: () => Promise<Answer>): Promise<Answer> =>
  refusedUnderKey(server, tenantOf(shop), code, send);

describe('an application without a token', () => {
  test('has its keys for each license apart', async () => {
    const [one, other] = [await createLicense(server, shop), await createLicense(server, shop)];
    const activate = ({ licenseKey }: { licenseKey: string }): Promise<Answer> =>
      server.graphql(
        ACTIVATE,
        { input: { licenseKey, deviceFingerprint: 'd' } },
        undefined,
        keyed('device-1'),
      );

    const answers = [await activate(one), await activate(other), await activate(one), await activate(other)];

    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(answers.slice(2)).toEqual(answers.slice(0, 2));
    expect(answers[0]?.data).not.toEqual(answers[1]?.data);
    expect([await events('activation.created'), await events('activation.renewed')]).toEqual([2, 0]);
    expect((await storedAnswers(server, tenantOf(shop))).map(({ actor }) => actor)).toEqual(
      [one.id, other.id].map((id) => `license:${id}`).toSorted(),
    );
  });

  test('whose key is written in another way has sent other variables', async () => {
    const { licenseKey } = await createLicense(server, shop);
    const input = { licenseKey, deviceFingerprint: 'd' };
    await server.ok(ACTIVATE, { input }, undefined, keyed('device-1'));

    await refusedWith('IDEMPOTENCY_KEY_REUSED', () =>
      server.graphql(
        ACTIVATE,
        { input: { ...input, licenseKey: licenseKey.toLowerCase() } },
        undefined,
        keyed('device-1'),
      ),
    );
  });

  test('counts a heartbeat once, and is answered after its activation has ended', async () => {
    const { id, licenseKey } = await createLicense(server, shop);
    const activated = await sendTwice(
      server,
      ACTIVATE,
      { input: { licenseKey, deviceFingerprint: 'd' } },
      undefined,
      'one',
    );
    const activationToken = activated[0].data?.activateLicense?.activationToken;
    const beat = { input: { activationToken, metrics: { apiCallsCount: 7 } } };
    const beats = await sendTwice(server, HEARTBEAT, beat, undefined, 'two');
    const ended = await sendTwice(server, DEACTIVATE, { input: { activationToken } }, undefined, 'three');
    const late = await server.graphql(HEARTBEAT, beat, undefined, keyed('two'));

    expect([activated, beats, ended].flat().flatMap(({ errors }) => errors)).toEqual([]);
    expect([activated[1], beats[1], ended[1]]).toEqual([activated[0], beats[0], ended[0]]);
    const now = { activation: expect.objectContaining({ status: 'DEACTIVATED' }) };
    expect(late.data).toEqual({ sendHeartbeat: { ...beats[0].data?.sendHeartbeat, ...now } });
    const [row] = await server.sql`select usage_metrics->'api_calls_count' as calls, status
      from license_activations where license_id = ${id}`;
    expect(row).toEqual({ calls: 7, status: 'DEACTIVATED' });
    expect(await events('activation.deactivated')).toBe(1);
  });

  test('gets the same token after the revocation of its license, and no seat', async () => {
    const { id, licenseKey } = await createLicense(server, shop);
    const input = { licenseKey, deviceFingerprint: 'd' };
    const first = await server.graphql(ACTIVATE, { input }, undefined, keyed('one'));
    await server.ok(
      `mutation { revokeLicense(input: { licenseId: "${id}", reason: "fraud" }) { license { status } } }`,
      {},
      shop.admin,
    );

    const again = await server.graphql(ACTIVATE, { input }, undefined, keyed('one'));
    const anew = await server.graphql(ACTIVATE, { input }, undefined, keyed('two'));

    expect(again.errors).toEqual([]);
    expect(again.data?.activateLicense?.activationToken).toBe(first.data?.activateLicense?.activationToken);
    expect(anew.code).toBe('LICENSE_REVOKED');
    const seats = await server.count('license_activations', `license_id = '${id}' and status = 'ACTIVE'`);
    expect(seats).toBe(0);
  });

  test('that shows what leads nowhere is refused as without a key', async () => {
    const shown = [
      [ACTIVATE, { licenseKey: 'AAAA-BBBB-CCCC-DDDD-EEEE', deviceFingerprint: 'd' }, 'LICENSE_NOT_FOUND'],
      [ACTIVATE, { licenseKey: 'nonsense', deviceFingerprint: 'd' }, 'INVALID_LICENSE_KEY_FORMAT'],
      [HEARTBEAT, { activationToken: 'act_nonsense' }, 'ACTIVATION_NOT_FOUND'],
      [DEACTIVATE, { activationId: shop.customerId }, 'UNAUTHENTICATED'],
      [DEACTIVATE, {}, 'INVALID_INPUT'],
    ] as const;

    for (const [query, input, code] of shown) {
      await refusedWith(code, () => server.graphql(query, { input }, undefined, keyed('one')));
    }
    expect(await storedAnswers(server, tenantOf(shop))).toEqual([]);
  });
});
