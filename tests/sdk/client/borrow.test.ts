import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/sdk/client/index.js';
import { actOn } from '../../support/acts.js';
import { newClient, type TestTime } from '../../support/clients.js';
import { tryActivate } from '../../support/devices.js';
import { createLicense, type Issued, openShop, type Shop } from '../../support/fixtures.js';
import { seatsInUse } from '../../support/offline.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { START, startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

const HOUR = 3_600_000;
let server: TestServer;
let shop: Shop;
let relay: Relay;
let license: Issued;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  relay = await startRelay((await listen(server)).replace('ws:', 'http:'));
});
afterAll(async () => {
  await relay.stop();
  await server.stop();
});
beforeEach(async () => {
  server.now = START;
  relay.wire = () => 'CARRIES';
  license = await createLicense(server, shop, {
    licenseType: 'CONCURRENT',
    maxActivations: 1,
    leaseSeconds: 120,
    maxBorrowHours: 48,
    expiryDate: '2027-01-01T00:00:00Z',
  });
});

function device(fingerprint = 'one', given: { time?: TestTime; store?: Store } = {}) {
  const { licenseKey } = license;
  const made = newClient(server, { url: relay.url, licenseKey, device: { fingerprint }, ...given });
  return { ...made, lease: made.client.floatingLease() };
}

/** Time goes on for the server and the device alike. */
function pass(span: number, { time }: { time: TestTime }): void {
  server.pass(span);
  time.pass(span);
}

async function taken(hours: number) {
  const one = device();
  await one.lease.acquire();
  const loan = await one.lease.borrow(hours);
  return { ...one, loan };
}

describe('a seat that is taken along', () => {
  test('is held without a connection until its end, and by nobody else', async () => {
    const one = await taken(24);
    relay.wire = () => 'CUT';

    pass(24 * HOUR - 1, one);
    const last = one.lease.state;
    const other = await tryActivate(server, license.licenseKey, 'two');
    pass(1, one);

    expect(one.loan).toEqual({
      ok: true,
      value: { until: new Date('2026-03-02T12:00:00.000Z'), leaseMillis: 24 * HOUR },
    });
    expect([last, other.code, one.lease.state]).toEqual(['ENDING', 'ACTIVATION_LIMIT_EXCEEDED', 'LOST']);
    expect(await seatsInUse(server, shop.admin, license.id)).toBe(0);
    await one.lease.release();
  });

  test('is found by a start without a connection, for what is left of it', async () => {
    const { time, store, lease } = await taken(24);
    relay.wire = () => 'CUT';
    const pair = { time };
    pass(10 * HOUR, pair);

    const again = device('one', { time, store });
    const acquired = await again.lease.acquire();
    pass(14 * HOUR, pair);
    const over = await device('one', { time, store }).lease.acquire();

    expect(acquired).toEqual({ ok: true, value: { leaseMillis: 14 * HOUR } });
    expect(over).toMatchObject({ ok: false, problem: { kind: 'OUTAGE' } });
    expect(again.lease.state).toBe('LOST');
    await Promise.all([lease.release(), again.lease.release()]);
  });

  test('is not that of the activation that came after, when its own was given up', async () => {
    const { client, store, time, lease } = await taken(24);
    await client.deactivate();
    await client.activate();
    relay.wire = () => 'CUT';

    const acquired = await device('one', { time, store }).lease.acquire();

    expect(acquired).toMatchObject({ ok: false, problem: { kind: 'OUTAGE' } });
    await lease.release();
  });

  test('is not held by a clock that was set back, nor by a store that was edited', async () => {
    const { time, store, client, lease } = await taken(24);
    await client.validate();
    relay.wire = () => 'CUT';
    pass(20 * HOUR, { time });
    await device('one', { time, store }).lease.acquire();

    time.wall -= 10 * HOUR;
    const setBack = await device('one', { time, store }).lease.acquire();
    time.wall += 10 * HOUR;
    const edited: Store = { get: async () => 'edited', set: async () => undefined };
    const tampered = await device('one', { time, store: edited }).lease.acquire();

    expect([setBack.ok, tampered.ok]).toEqual([false, false]);
    await lease.release();
  });

  test('given up is held no longer, whoever hears of it', async () => {
    const { time, store, lease } = await taken(24);
    relay.wire = () => 'CUT';

    await lease.release();

    expect(await device('one', { time, store }).lease.acquire()).toMatchObject({ ok: false });
    expect(await seatsInUse(server, shop.admin, license.id)).toBe(1);
  });

  test('ends with the license, as soon as that is told', async () => {
    const one = await taken(24);
    await actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' });
    expect(await device('one', one).lease.acquire()).toMatchObject({ ok: false });
    relay.wire = () => 'CUT';

    expect(await device('one', one).lease.acquire()).toMatchObject({
      ok: false,
      problem: { kind: 'OUTAGE' },
    });
    await one.lease.release();
  });

  test.each([
    [49, 'BORROW_LIMIT_EXCEEDED'],
    [0, 'INVALID_INPUT'],
    [1.5, 'BAD_USER_INPUT'],
  ])('is refused for %d hours by name, and the seat is held as before', async (hours, code) => {
    const { lease, loan } = await taken(hours);

    expect(loan).toMatchObject({ ok: false, problem: { kind: 'REFUSED' } });
    expect(loan.ok === false && 'code' in loan.problem && [code, 'UNKNOWN']).toContain(
      loan.ok === false && 'code' in loan.problem ? loan.problem.code : '',
    );
    expect(lease.state).toBe('HELD');
    await lease.release();
  });

  test('needs an activation', async () => {
    expect(await device().lease.borrow(1)).toMatchObject({
      ok: false,
      problem: { reason: 'NOT_ACTIVATED' },
    });
  });
});
