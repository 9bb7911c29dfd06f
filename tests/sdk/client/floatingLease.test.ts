import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LeaseState, memoryStore, type Problem } from '../../../src/sdk/client/index.js';
import { actOn } from '../../support/acts.js';
import { freshFetch, newClient } from '../../support/clients.js';
import { createLicense, type Issued, openShop, type Shop } from '../../support/fixtures.js';
import { seatsInUse } from '../../support/offline.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { START, startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

const LEASE = 120_000;
let server: TestServer;
let shop: Shop;
let address: string;
let relay: Relay;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  address = (await listen(server)).replace('ws:', 'http:');
  relay = await startRelay(address);
});
afterAll(async () => {
  await relay.stop();
  await server.stop();
});
beforeEach(() => {
  server.now = START;
  relay.wire = () => 'CARRIES';
});

const floating = (): Promise<Issued> =>
  createLicense(server, shop, { licenseType: 'CONCURRENT', maxActivations: 1, leaseSeconds: LEASE / 1000 });

function device({ licenseKey }: Issued, fingerprint = 'one', store = memoryStore(), url = relay.url) {
  const made = newClient(server, { url, licenseKey, device: { fingerprint }, store });
  const changes: [LeaseState, Problem['kind'] | null][] = [];
  const onChange = (state: LeaseState, problem: Problem | null): void =>
    void changes.push([state, problem?.kind ?? null]);
  return { ...made, changes, lease: made.client.floatingLease({ onChange, endingSeconds: 20 }) };
}

/** Time goes on for the server and the device alike. */
function pass(span: number, ...devices: { time: { pass(span: number): void } }[]): void {
  server.pass(span);
  for (const { time } of devices) time.pass(span);
}

/** Holds back what the server has answered to the first call of a field. */
function lateAnswers(field: string) {
  let [begin, arrive] = [(): void => undefined, (): void => undefined];
  const isUnderWay = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const arrival = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let isFirst = true;
  const late: typeof fetch = async (target, init) => {
    const response = await freshFetch(target, init);
    if (!isFirst || !String(init?.body).includes(field)) return response;
    isFirst = false;
    begin();
    await arrival;
    return response;
  };
  return { fetch: late, isUnderWay, arrive };
}

describe('a floating seat', () => {
  test('is held, renewed after half its time, and given up at once', async () => {
    const license = await floating();
    const one = device(license);

    const taken = await one.lease.acquire();
    const waits = one.time.waits;
    pass(LEASE / 2, one);
    await expect.poll(() => one.time.waits).toEqual(waits);
    const released = await one.lease.release();

    expect(taken).toEqual({ ok: true, value: { leaseMillis: LEASE } });
    expect(waits).toEqual([LEASE / 2, LEASE - 20_000, LEASE]);
    expect(released).toEqual({ ok: true, value: null });
    expect(one.lease.state).toBe('NONE');
    expect(one.time.waits).toEqual([]);
    expect(one.changes).toEqual([
      ['HELD', null],
      ['NONE', null],
    ]);
    expect(await device(license, 'two').lease.acquire()).toMatchObject({ ok: true });
  });

  test('is refused by name where none is free', async () => {
    const license = await floating();
    await device(license).lease.acquire();
    const two = device(license, 'two');

    const refused = await two.lease.acquire();

    expect(refused).toMatchObject({ ok: false, problem: { code: 'ACTIVATION_LIMIT_EXCEEDED' } });
    expect(two.lease.state).toBe('NONE');
    expect(two.time.waits).toEqual([]);
    expect(await seatsInUse(server, shop.admin, license.id)).toBe(1);
  });

  test('is held at once by a process whose forerunner ended before a heartbeat was answered', async () => {
    const license = await floating();
    const killed = device(license);
    await killed.lease.acquire();
    relay.wire = () => 'DROPS_ANSWERS';
    const unanswered = await killed.client.heartbeats().beat();
    relay.wire = () => 'CARRIES';
    const next = device(license, 'one', killed.store);

    const taken = await next.lease.acquire();

    expect(unanswered).toMatchObject({ ok: false, problem: { kind: 'OUTAGE' } });
    expect(taken).toEqual({ ok: true, value: { leaseMillis: LEASE } });
    expect(next.lease.state).toBe('HELD');
    expect(next.changes).toEqual([['HELD', null]]);
  });

  test('of a license without any is none', async () => {
    const one = device(await createLicense(server, shop));

    expect(await one.lease.acquire()).toMatchObject({ ok: false, problem: { reason: 'NOT_FLOATING' } });
    expect(one.time.waits).toEqual([]);
  });

  test('that cannot be renewed is ending, then lost, before the server gives it to another', async () => {
    const license = await floating();
    const one = device(license);
    // By a way of its own: a renewal of the first that is still on the wire must not come through now.
    const two = device(license, 'two', memoryStore(), address);
    await one.lease.acquire();
    relay.wire = () => 'CUT';
    const states: LeaseState[] = [];

    for (const span of [LEASE - 20_001, 1, 19_999, 1]) {
      pass(span, one, two);
      states.push(one.lease.state);
    }
    const taken = await two.lease.acquire();

    expect(states).toEqual(['HELD', 'ENDING', 'ENDING', 'LOST']);
    expect(taken.ok).toBe(true);
    expect(one.changes.map(([state]) => state)).toEqual(['HELD', 'ENDING', 'LOST']);
    await one.lease.release();
  });

  test('whose answer comes late has begun when it was asked for, and is none when it comes too late', async () => {
    const license = await floating();
    const taken = [];
    for (const delay of [LEASE / 4, LEASE]) {
      const late = lateAnswers('sendHeartbeat');
      const one = newClient(server, { url: address, licenseKey: license.licenseKey, fetch: late.fetch });
      const lease = one.client.floatingLease();
      const taking = lease.acquire();
      await late.isUnderWay;
      one.time.pass(delay);
      late.arrive();
      taken.push([await taking, lease.state]);
      await lease.release();
    }

    expect(taken).toEqual([
      [{ ok: true, value: { leaseMillis: LEASE - LEASE / 4 } }, 'HELD'],
      [{ ok: true, value: { leaseMillis: 0 } }, 'LOST'],
    ]);
  });

  test.each([
    ['activateLicense', undefined],
    ['sendHeartbeat', undefined],
    ['borrowLease', 24],
  ])(
    'given up while %s is on its way is held by nobody, and no timer takes it again',
    async (field, hours) => {
      const license = await createLicense(server, shop, {
        licenseType: 'CONCURRENT',
        maxActivations: 1,
        leaseSeconds: LEASE / 1000,
        maxBorrowHours: 48,
      });
      const late = lateAnswers(field);
      const one = newClient(server, { url: address, licenseKey: license.licenseKey, fetch: late.fetch });
      const lease = one.client.floatingLease();
      if (hours !== undefined) await lease.acquire();
      const taking = hours === undefined ? lease.acquire() : lease.borrow(hours);
      await late.isUnderWay;

      const releasing = lease.release();
      late.arrive();
      const taken = await taking;
      await releasing;

      expect(taken).toMatchObject({ ok: false, problem: { kind: 'NOT_READY', reason: 'RELEASED' } });
      expect([lease.state, one.time.waits]).toEqual(['NONE', []]);
      expect(await seatsInUse(server, shop.admin, license.id)).toBe(0);
      expect(await device(license, 'two').lease.acquire()).toMatchObject({ ok: true });
    },
  );

  test('that was lost comes back when one is free', async () => {
    const license = await floating();
    const one = device(license);
    await one.lease.acquire();
    relay.wire = () => 'CUT';
    pass(LEASE, one);
    const lost = one.lease.state;
    relay.wire = () => 'CARRIES';

    await expect
      .poll(() => {
        one.time.pass(1_000);
        return one.lease.state;
      })
      .toBe('HELD');

    expect(lost).toBe('LOST');
    await one.lease.release();
  });

  test('ends at once when the license is revoked, and not with a clock that is set back', async () => {
    const license = await floating();
    const one = device(license);
    await one.lease.acquire();
    one.time.wall -= 86_400_000;
    pass(LEASE / 2, one);
    await expect.poll(() => one.time.waits[0]).toBe(LEASE / 2);
    await actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' });

    pass(LEASE / 2, one);
    await expect.poll(() => one.changes.at(-1)).toEqual(['LOST', 'REFUSED']);

    expect(one.lease.state).toBe('LOST');
    expect(one.time.waits).toEqual([]);
  });

  test('is over for a machine that slept through its end, before any timer says so', async () => {
    const one = device(await floating());
    await one.lease.acquire();

    one.time.wall += LEASE;

    expect(one.lease.state).toBe('LOST');
    await one.lease.release();
  });
});
