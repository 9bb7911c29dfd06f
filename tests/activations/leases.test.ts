import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis } from '../../src/core/clock.js';
import { actOn, eventsDuring, inRole, readLicense, refused } from '../support/acts.js';
import { borrow, heartbeat, release, seatsOf, tryActivate } from '../support/devices.js';
import {
  activate,
  createLicense,
  createTemplate,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

const LEASE = 900_000;
const HOUR = 3_600_000;
const floating = (input: object = {}): Promise<Issued> =>
  createLicense(server, shop, {
    licenseType: 'CONCURRENT',
    maxActivations: 1,
    maxBorrowHours: 72,
    expiryDate: addDays(START, 30),
    gracePeriodDays: 10,
    ...input,
  });
const refusedFull = (license: Issued, device: string) =>
  refused(server, shop.admin, 'ACTIVATION_LIMIT_EXCEEDED', () =>
    tryActivate(server, license.licenseKey, device),
  );

describe('the length of a lease', () => {
  test('is what its license says, and else what the server says', async () => {
    const license = await floating({ leaseSeconds: 120 });
    const { activationToken } = await activate(server, license.licenseKey, 'd1');
    server.pass(119_999);
    await refusedFull(license, 'd2');

    const beat = await heartbeat(server, activationToken);

    expect(beat.data?.sendHeartbeat?.activation?.leaseExpiresAt).toBe(addMillis(START, 239_999));
    server.pass(120_000);
    expect((await tryActivate(server, license.licenseKey, 'd2')).code).toBeUndefined();
  });

  test('and the other bounds come from the template, and are changed on a license alone', async () => {
    const bounds = { leaseSeconds: 300, maxBorrowHours: 24, maxDeactivationsPerYear: 2 };
    const shown = 'leaseSeconds maxBorrowHours maxDeactivationsPerYear';
    const templateId = await createTemplate(server, shop.admin, shop.productId, {
      licenseType: 'CONCURRENT',
      ...bounds,
    });
    const { id } = await issueLicense(server, { ...shop, templateId });

    expect(await readLicense(server, shop.admin, id, shown)).toEqual(bounds);
    const changes = { licenseId: id, leaseSeconds: null, maxBorrowHours: 0, maxDeactivationsPerYear: null };
    expect(await actOn(server, shop.admin, 'updateLicense', changes, shown)).toEqual({
      leaseSeconds: null,
      maxBorrowHours: 0,
      maxDeactivationsPerYear: null,
    });
  });

  test.each([
    ['leaseSeconds', 59],
    ['leaseSeconds', 31_536_001],
    ['maxBorrowHours', -1],
    ['maxBorrowHours', 8785],
    ['maxDeactivationsPerYear', -1],
  ])('is bounded itself: %s %i', async (name, value) => {
    const { id } = await floating();

    const error = await refused(server, shop.admin, 'INVALID_INPUT', () =>
      server.graphql(
        'mutation ($input: UpdateLicenseInput!) { updateLicense(input: $input) { license { id } } }',
        { input: { licenseId: id, [name]: value } },
        shop.admin,
      ),
    );

    expect(error.extensions.fields?.map(({ field }) => field)).toEqual([`input.${name}`]);
  });
});

describe('a borrowed seat', () => {
  test('counts to the end of its loan without a heartbeat, and is nobody else’s until then', async () => {
    const license = await floating();
    const { activationToken, activation } = await activate(server, license.licenseKey, 'd1');
    const until = addMillis(START, 72 * HOUR);

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const answer = await borrow(server, activationToken, 72);
      expect(answer.data?.borrowLease?.activation).toMatchObject({
        borrowedUntil: until,
        leaseExpiresAt: until,
      });
    });
    server.now = addMillis(until, -1);
    await refusedFull(license, 'd2');
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
    server.pass(1);

    expect((await tryActivate(server, license.licenseKey, 'd2')).code).toBeUndefined();
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
    expect(events.map(({ type, subjectId, data }) => [type, subjectId, data])).toEqual([
      ['activation.borrowed', activation?.id, { until }],
    ]);
  });

  test('is cut short by no heartbeat and by no activation of its device', async () => {
    const license = await floating();
    const { activationToken } = await activate(server, license.licenseKey, 'd1');
    await borrow(server, activationToken, 48);
    server.pass(HOUR);

    await heartbeat(server, activationToken);
    await activate(server, license.licenseKey, 'd1');
    server.now = addMillis(START, 48 * HOUR - 1);

    await refusedFull(license, 'd2');
  });

  test('may be borrowed for fewer hours afterwards, which gives the rest of them back', async () => {
    const license = await floating();
    const { activationToken } = await activate(server, license.licenseKey, 'd1');
    await borrow(server, activationToken, 72);

    const answer = await borrow(server, activationToken, 1);

    expect(answer.data?.borrowLease?.activation?.leaseExpiresAt).toBe(addMillis(START, HOUR));
    server.pass(HOUR);
    expect((await tryActivate(server, license.licenseKey, 'd2')).code).toBeUndefined();
  });

  test('is given back by a release at once, and its device goes on with the next heartbeat', async () => {
    const license = await floating();
    const first = await activate(server, license.licenseKey, 'd1');
    await borrow(server, first.activationToken, 72);

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const answer = await release(server, { activationToken: first.activationToken });
      expect(answer.data?.releaseLease?.activation).toMatchObject({
        status: 'ACTIVE',
        borrowedUntil: null,
        license: { currentActivations: 0 },
      });
      expect((await release(server, { activationToken: first.activationToken })).errors).toEqual([]);
    });

    expect(events.map(({ type }) => type)).toEqual(['activation.released']);
    const second = await activate(server, license.licenseKey, 'd2');
    await refused(server, shop.admin, 'LEASE_EXPIRED', () => heartbeat(server, first.activationToken));
    await release(server, { activationToken: second.activationToken });
    expect((await heartbeat(server, first.activationToken)).errors).toEqual([]);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  });

  test('ends with its license at the latest', async () => {
    const license = await floating({ expiryDate: addDays(START, 2) });
    const { activationToken } = await activate(server, license.licenseKey, 'd1');

    const answer = await borrow(server, activationToken, 72);

    expect(answer.data?.borrowLease?.activation?.borrowedUntil).toBe(addDays(START, 2));
  });

  test('shows no loan once it is over', async () => {
    const license = await floating();
    const { activationToken } = await activate(server, license.licenseKey, 'd1');
    await borrow(server, activationToken, 1);
    server.pass(HOUR);

    const answer = await server.graphql(
      'mutation ($t: String!) { sendHeartbeat(input: { activationToken: $t }) { activation { borrowedUntil } } }',
      { t: activationToken },
    );

    expect(answer.data?.sendHeartbeat?.activation).toEqual({ borrowedUntil: null });
  });

  test('of a lease that has run out is won again first, if it is free', async () => {
    const license = await floating();
    const first = await activate(server, license.licenseKey, 'd1');
    server.pass(LEASE);
    expect((await borrow(server, first.activationToken, 2)).errors).toEqual([]);
    server.pass(2 * HOUR);
    await activate(server, license.licenseKey, 'd2');

    await refused(server, shop.admin, 'LEASE_EXPIRED', () => borrow(server, first.activationToken, 2));
  });

  test('ends the tokens before the one that borrowed it', async () => {
    const license = await floating();
    const { activationToken: former } = await activate(server, license.licenseKey, 'd1');
    const { activationToken } = await activate(server, license.licenseKey, 'd1');

    await borrow(server, activationToken, 1);

    await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () => borrow(server, former, 1));
  });

  test.each([
    ['for longer than the license lends', { maxBorrowHours: 2 }, 3, 'BORROW_LIMIT_EXCEEDED'],
    ['of a license that lends none', { maxBorrowHours: null }, 1, 'BORROW_LIMIT_EXCEEDED'],
    ['of a license whose seats do not float', { licenseType: 'SUBSCRIPTION' }, 1, 'LICENSE_NOT_FLOATING'],
    ['of a license in grace', { expiryDate: addMillis(START, 1) }, 1, 'LICENSE_EXPIRED'],
  ] as const)('is refused %s', async (_, input, hours, code) => {
    const license = await floating(input);
    const { activationToken } = await activate(server, license.licenseKey, 'd1');
    server.pass(1);

    const error = await refused(server, shop.admin, code, () => borrow(server, activationToken, hours));

    if (code === 'BORROW_LIMIT_EXCEEDED')
      expect(error.extensions.maxBorrowHours).toBe(input.maxBorrowHours ?? 0);
  });

  test('is released by whoever may end activations, and by no auditor', async () => {
    const license = await floating();
    const { activation, activationToken } = await activate(server, license.licenseKey, 'd1');
    await borrow(server, activationToken, 72);
    const named = { activationId: activation?.id };

    await refused(server, shop.admin, 'FORBIDDEN', () =>
      release(server, named, inRole(shop.admin, 'auditor')),
    );
    await refused(server, shop.admin, 'INVALID_INPUT', () => release(server, {}, shop.admin));
    const answer = await release(server, named, inRole(shop.admin, 'support'));

    expect(answer.errors).toEqual([]);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
  });

  test('is borrowed by one of many who want the last one, on two servers', async () => {
    const beside = await startTestServer({ beside: server });
    try {
      const license = await floating({ maxActivations: 5 });
      const tokens: unknown[] = [];
      for (let device = 0; device < 20; device += 1) {
        tokens.push((await activate(server, license.licenseKey, `d${device}`)).activationToken);
        server.pass(LEASE);
      }
      beside.now = server.now;

      const answers = await Promise.all(
        tokens.map((token, index) => borrow(index % 2 === 0 ? server : beside, token, 24)),
      );

      const codes = answers.map(({ code }) => code ?? 'borrowed').toSorted();
      expect(codes).toEqual([...Array(15).fill('LEASE_EXPIRED'), ...Array(5).fill('borrowed')]);
      expect(await seatsOf(server, shop, license)).toEqual({ graph: 5, stored: 5, live: 5 });
    } finally {
      await beside.stop();
    }
  });
});
