import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { memoryStore, type Store } from '../../../src/sdk/client/index.js';
import { actOn } from '../../support/acts.js';
import { newClient, type TestClient } from '../../support/clients.js';
import { createLicense, openShop, type Shop } from '../../support/fixtures.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { START, startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

const HOUR = 3_600_000;
let server: TestServer;
let shop: Shop;
let relay: Relay;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  relay = await startRelay((await listen(server)).replace('ws:', 'http:'));
});
afterAll(async () => {
  await relay.stop();
  await server.stop();
});
beforeEach(() => {
  server.now = START;
  relay.wire = () => 'CARRIES';
});

/** A device that was validated, and whose wire is then cut. */
async function cutOff(given: { holdSeconds?: number; store?: Store } = {}) {
  const { id, licenseKey } = await createLicense(server, shop);
  const { holdSeconds = 3_600, store = memoryStore() } = given;
  const made = newClient(server, { url: relay.url, licenseKey, store, outage: { holdSeconds } });
  await made.client.activate();
  expect(await made.client.validate()).toMatchObject({ valid: true, by: 'SERVER' });
  relay.wire = () => 'CUT';
  return { ...made, id, licenseKey };
}

/** The same application after a start. */
const restarted = ({ store, time, licenseKey }: TestClient & { licenseKey: string }) =>
  newClient(server, { url: relay.url, licenseKey, store, time });

describe('while the server is away', () => {
  test('the last signed verdict holds as long as the application has said, and not a moment longer', async () => {
    const device = await cutOff();
    device.time.pass(HOUR - 1);

    const held = await restarted(device).client.validate();
    device.time.pass(1);
    const over = await restarted(device).client.validate();

    expect(held).toMatchObject({ valid: true, code: 'VALID', by: 'HELD', problem: { kind: 'OUTAGE' } });
    expect(held.signedAt?.toISOString()).toBe(START);
    expect(over).toMatchObject({ valid: false, code: 'OUTAGE', by: 'NOBODY', signedAt: null });
  });

  test.each<[string, object, object, number]>([
    ['the license', { expiryDate: '2026-03-01T12:30:00Z', gracePeriodDays: 0 }, {}, HOUR / 2],
    ['its grace', { expiryDate: '2026-03-01T12:30:00Z', gracePeriodDays: 1 }, {}, 24.5 * HOUR],
    [
      'a feature that was asked for',
      {
        expiryDate: '2027-03-01T12:30:00Z',
        features: [{ featureId: 'maps', featureName: 'Maps', expiresAt: '2026-03-01T13:00:00Z' }],
      },
      { features: ['maps'] },
      HOUR,
    ],
  ])('a verdict is never held past the end of %s', async (_what, input, asking, end) => {
    const { licenseKey } = await createLicense(server, shop, input);
    const outage = { holdSeconds: 30 * 86_400 };
    const { client, time } = newClient(server, { url: relay.url, licenseKey, outage });
    await client.activate();
    const { holdsUntil } = await client.validate(asking);
    relay.wire = () => 'CUT';

    time.pass(end - 1);
    const last = await client.validate(asking);
    time.pass(1);
    const over = await client.validate(asking);

    expect(holdsUntil?.getTime()).toBe(Date.parse(START) + end);
    expect(last).toMatchObject({ valid: true, by: 'HELD' });
    expect(over).toMatchObject({ valid: false, code: 'OUTAGE' });
  });

  test('nothing holds where the policy says so, nor before the first answer', async () => {
    const { client } = await cutOff({ holdSeconds: 0 });
    const fresh = newClient(server, { url: relay.url, licenseKey: 'AAAA-BBBB-CCCC-DDDD-EEEE' });

    expect(await client.validate()).toMatchObject({ valid: false, code: 'OUTAGE' });
    expect(await fresh.client.validate()).toMatchObject({ valid: false, code: 'OUTAGE' });
  });

  test('an answer holds for its own question only', async () => {
    const { client } = await cutOff();

    expect(await client.validate({ features: ['maps'] })).toMatchObject({ valid: false, code: 'OUTAGE' });
    expect(await client.validate({ user: 'ada' })).toMatchObject({ valid: false, code: 'OUTAGE' });
    expect(await client.validate()).toMatchObject({ valid: true, by: 'HELD' });
  });

  test('answers to several questions hold beside each other', async () => {
    const device = await cutOff();
    relay.wire = () => 'CARRIES';
    await device.client.validate({ user: 'ada' });
    relay.wire = () => 'CUT';

    for (const asking of [{}, { user: 'ada' }])
      expect(await device.client.validate(asking)).toMatchObject({ valid: true, by: 'HELD' });
  });

  test('a refusal holds as well, and ends what was held for other questions', async () => {
    const { client, id } = await cutOff();
    relay.wire = () => 'CARRIES';
    await actOn(server, shop.admin, 'suspendLicense', { licenseId: id, reason: 'Unpaid' });
    await client.validate({ user: 'ada' });
    relay.wire = () => 'CUT';

    expect(await client.validate({ user: 'ada' })).toMatchObject({ code: 'LICENSE_SUSPENDED', by: 'HELD' });
    expect(await client.validate()).toMatchObject({ valid: false, code: 'OUTAGE' });
  });

  test('a refused heartbeat ends what was held', async () => {
    const { client, id } = await cutOff();
    relay.wire = () => 'CARRIES';
    await actOn(server, shop.admin, 'suspendLicense', { licenseId: id, reason: 'Unpaid' });
    await client.heartbeats().beat();
    relay.wire = () => 'CUT';

    expect(await client.validate()).toMatchObject({ valid: false, code: 'OUTAGE' });
  });

  test('what was given up holds no longer', async () => {
    const { client } = await cutOff();
    relay.wire = () => 'CARRIES';
    await client.deactivate();
    relay.wire = () => 'CUT';

    expect(await client.validate()).toMatchObject({ valid: false, code: 'OUTAGE' });
  });

  test('whoever is back is asked again', async () => {
    const { client, time } = await cutOff();
    time.pass(2 * HOUR);
    server.pass(2 * HOUR);
    const away = await client.validate();
    relay.wire = () => 'CARRIES';

    const back = await client.validate();

    expect(away.code).toBe('OUTAGE');
    expect(back).toMatchObject({ valid: true, by: 'SERVER', problem: null });
    expect(back.signedAt?.toISOString()).toBe(server.now);
  });
});

describe('the clock of the device', () => {
  test('set back, makes nothing hold for longer, after a start too', async () => {
    const device = await cutOff();
    device.time.pass(HOUR / 2);
    expect((await device.client.validate()).by).toBe('HELD');
    device.time.wall -= HOUR / 2 - 60_000;

    const again = await restarted(device).client.validate();

    expect(again).toMatchObject({ valid: false, code: 'CLOCK_SET_BACK', by: 'NOBODY' });
  });

  test('set back by a little, again and again, gains nothing', async () => {
    const device = await cutOff();
    const rounds: string[] = [];

    for (let round = 0; round < 16; round += 1) {
      device.time.pass(240_000);
      rounds.push((await restarted(device).client.validate()).code);
      device.time.wall -= 240_000;
      await restarted(device).client.validate();
    }

    expect(rounds.slice(0, 14)).toEqual(Array(14).fill('VALID'));
    expect(rounds.slice(14)).toEqual(['OUTAGE', 'OUTAGE']);
  });

  test('is noted by heartbeats that nobody hears', async () => {
    const device = await cutOff();
    device.time.pass(HOUR / 2);
    await device.client.heartbeats().beat();
    device.time.wall -= HOUR / 2;

    expect((await device.client.validate()).code).toBe('CLOCK_SET_BACK');
  });

  test('wrong by years from the beginning, is no reason to refuse, nor to hold for longer', async () => {
    const { licenseKey } = await createLicense(server, shop);
    const device = { ...newClient(server, { url: relay.url, licenseKey }), licenseKey };
    device.time.wall -= 3 * 365 * 24 * HOUR;
    await device.client.activate();
    await device.client.validate();
    relay.wire = () => 'CUT';
    device.time.pass(HOUR - 1);

    const held = await device.client.validate();
    device.time.pass(1);
    const over = await device.client.validate();

    expect([held.by, over.code]).toEqual(['HELD', 'OUTAGE']);
  });

  test('set ahead and back again, is healed by the next signed answer', async () => {
    const { client, time } = await cutOff();
    time.wall += 365 * 24 * HOUR;
    const ahead = await client.validate();
    time.wall -= 365 * 24 * HOUR;
    const back = await client.validate();
    relay.wire = () => 'CARRIES';
    const asked = await client.validate();
    relay.wire = () => 'CUT';

    const held = await client.validate();

    expect([ahead.code, back.code, asked.by, held.by]).toEqual([
      'OUTAGE',
      'CLOCK_SET_BACK',
      'SERVER',
      'HELD',
    ]);
  });
});

describe('what is kept', () => {
  /** A store whose text a test reads and writes. */
  function openStore() {
    const texts = new Map<string, string>();
    const store: Store = { get: (name) => texts.get(name), set: (name, text) => void texts.set(name, text) };
    return { texts, store };
  }

  test('shows neither key, token nor device', async () => {
    const { texts, store } = openStore();
    const { licenseKey } = await cutOff({ store });
    const text = JSON.stringify([...texts]);
    const decoded = Buffer.from([...texts.values()].join('').split('.').at(-1) ?? '', 'base64url').toString(
      'latin1',
    );

    expect(texts.size).toBe(1);
    for (const secret of [licenseKey, licenseKey.replaceAll('-', ''), 'act_', 'laptop', 'activation']) {
      expect(text).not.toContain(secret);
      expect(decoded).not.toContain(secret);
    }
  });

  test.each([
    [
      'a changed letter',
      (text: string) => text.slice(0, 60) + (text[60] === 'A' ? 'B' : 'A') + text.slice(61),
    ],
    ['a cut end', (text: string) => text.slice(0, -8)],
    ['nothing', () => ''],
    ['a text of its own', () => '{"valid":true}'],
    ['another version', (text: string) => text.replace('lg1', 'lg0')],
  ])('%s in its place is found out, until the server has signed again', async (_, changed) => {
    const { texts, store } = openStore();
    const device = await cutOff({ store });
    for (const [name, text] of texts) texts.set(name, changed(text));

    const verdict = await restarted(device).client.validate();
    await restarted(device).client.heartbeats().record({ apiCallsCount: 1 });
    const again = await restarted(device).client.validate();
    const file = await restarted(device).client.verifyFile('x');
    relay.wire = () => 'CARRIES';
    const asked = await restarted(device).client.validate();
    relay.wire = () => 'CUT';
    const held = await restarted(device).client.validate();

    expect(verdict).toMatchObject({ valid: false, code: 'STORE_TAMPERED', by: 'NOBODY' });
    expect(again.code).toBe('STORE_TAMPERED');
    expect(file).toMatchObject({ valid: false, code: 'CLOCK_SET_BACK' });
    expect([asked.by, held.by, held.valid]).toEqual(['SERVER', 'HELD', true]);
  });

  test('of another device is none', async () => {
    const { texts, store } = openStore();
    const { licenseKey } = await cutOff({ store });
    const [text = ''] = texts.values();
    const copied: Store = { get: () => text, set: () => undefined };
    const device = { fingerprint: 'a copy' };
    const thief = newClient(server, { url: relay.url, licenseKey, store: copied, device });

    expect(await thief.client.validate()).toMatchObject({ valid: false, code: 'STORE_TAMPERED' });
  });

  test('in a store that fails is kept by the process, and by nobody after it', async () => {
    const broken: Store = {
      get: () => undefined,
      set: () => {
        throw new Error('the disk is full');
      },
    };
    const device = await cutOff({ store: broken });

    const held = await device.client.validate();
    const lost = await restarted(device).client.validate();
    const request = await device.client.createOfflineRequest();

    expect([held.by, lost.code]).toEqual(['HELD', 'OUTAGE']);
    expect(request).toMatchObject({ ok: false, problem: { reason: 'STORE_FAILED' } });
  });

  test('in a store that cannot be read is believed by nobody', async () => {
    const device = await cutOff();
    const locked: Store = { get: () => Promise.reject(new Error('locked')), set: () => undefined };

    const verdict = await restarted({ ...device, store: locked }).client.validate();

    expect(verdict).toMatchObject({ valid: false, code: 'STORE_TAMPERED' });
  });
});
