import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, addMillis, addMonths, parseInstant } from '../../src/core/clock.js';
import { actOn, eventsDuring, inRole, readLicense, refused } from '../support/acts.js';
import { deactivate, seatsOf } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { signedDevice } from '../support/offline.js';
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

const limited = (maxDeactivationsPerYear: number | null, input: object = {}): Promise<Issued> =>
  createLicense(server, shop, { maxActivations: 30, maxDeactivationsPerYear, ...input });
const tokenOf = async (license: Issued, device: string): Promise<unknown> =>
  (await activate(server, license.licenseKey, device)).activationToken;
const allowance = async (license: Issued): Promise<unknown> =>
  (await readLicense(server, shop.admin, license.id, 'deactivationAllowance { limit used left renewsAt }'))
    .deactivationAllowance ?? null;
const refusedOver = (token: unknown) =>
  refused(server, shop.admin, 'DEACTIVATION_LIMIT_EXCEEDED', () =>
    deactivate(server, { activationToken: token }),
  );

test('a license lets so many devices be given up in its year, and says when the next may be', async () => {
  const license = await limited(2);
  const nextAt = addMonths(START, 12);
  const tokens = [await tokenOf(license, 'a'), await tokenOf(license, 'b'), await tokenOf(license, 'c')];

  await deactivate(server, { activationToken: tokens[0] });
  expect(await allowance(license)).toEqual({ limit: 2, used: 1, left: 1, renewsAt: nextAt });
  await deactivate(server, { activationToken: tokens[0] });
  await deactivate(server, { activationToken: tokens[1] });
  const error = await refusedOver(tokens[2]);

  expect(error.extensions).toEqual({ code: 'DEACTIVATION_LIMIT_EXCEEDED', limit: 2, used: 2, nextAt });
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
});

test('the year begins at the issue date, to the millisecond, and leaves nothing over', async () => {
  const license = await limited(1);
  const [first, second, third] = [
    await tokenOf(license, 'a'),
    await tokenOf(license, 'b'),
    await tokenOf(license, 'c'),
  ];
  await deactivate(server, { activationToken: first });
  const turn = addMonths(START, 12);
  server.now = addMillis(turn, -1);
  await refusedOver(second);
  server.pass(1);

  const answer = await deactivate(server, { activationToken: second });

  expect(answer.errors).toEqual([]);
  expect(await allowance(license)).toEqual({ limit: 1, used: 1, left: 0, renewsAt: addMonths(START, 24) });
  await refusedOver(third);
});

test('the year of a license of a leap day turns on the 28th, and on the 29th where there is one', async () => {
  server.now = parseInstant('2024-02-29T23:30:00Z') ?? START;
  const license = await limited(1);
  const turns = ['2025-02-28', '2026-02-28', '2027-02-28', '2028-02-29', '2029-02-28'];
  const last = await tokenOf(license, 'last');
  await deactivate(server, { activationToken: await tokenOf(license, 'first') });

  for (const day of turns) {
    const turn = parseInstant(`${day}T23:30:00Z`) ?? START;
    server.now = addMillis(turn, -1);
    await refusedOver(last);
    expect(await allowance(license)).toEqual({ limit: 1, used: 1, left: 0, renewsAt: turn });
    server.now = turn;
    const next = await deactivate(server, { activationToken: await tokenOf(license, day) });
    expect(next.errors).toEqual([]);
  }
});

test('a seat that was kept for a device and is over counts no more when it is ended', async () => {
  const license = await limited(1);
  const kept = await signedDevice(server, shop.admin, license);
  const running = await signedDevice(server, shop.admin, license);
  const ended = (signed: typeof kept) =>
    deactivate(server, { activationId: signed.signed.activation?.id }, shop.admin);

  expect((await ended(running)).errors).toEqual([]);
  expect(await allowance(license)).toMatchObject({ used: 1, left: 0 });
  await refused(server, shop.admin, 'DEACTIVATION_LIMIT_EXCEEDED', () => ended(kept));
  server.now = addDays(START, 15);

  expect((await ended(kept)).errors).toEqual([]);
  expect(await allowance(license)).toMatchObject({ used: 1, left: 0 });
});

test('none at all may be, and no limit is no limit', async () => {
  const [none, endless] = [await limited(0), await limited(null)];

  await refusedOver(await tokenOf(none, 'a'));
  for (const device of ['a', 'b', 'c']) {
    expect((await deactivate(server, { activationToken: await tokenOf(endless, device) })).errors).toEqual(
      [],
    );
  }

  expect(await allowance(endless)).toBeNull();
});

test('what was given up counts when a limit is set later, in the same year', async () => {
  const license = await limited(null);
  await deactivate(server, { activationToken: await tokenOf(license, 'a') });
  await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, maxDeactivationsPerYear: 1 });

  await refusedOver(await tokenOf(license, 'b'));
});

test('support may go past it, which is told in the event and not counted; a customer may not', async () => {
  const license = await limited(0, { customerId: shop.customerId });
  const { activation } = await activate(server, license.licenseKey, 'a');
  const input = { activationId: activation?.id, overrideAllowance: true };
  const customer = { ...shop.admin, roles: ['customer'], customer_id: shop.customerId } as const;

  await refused(server, shop.admin, 'FORBIDDEN', () => deactivate(server, input, customer));
  await refused(server, shop.admin, 'DEACTIVATION_LIMIT_EXCEEDED', () =>
    deactivate(server, { activationId: activation?.id }, inRole(shop.admin, 'support')),
  );
  await refused(server, shop.admin, 'UNAUTHENTICATED', () => deactivate(server, input));
  const events = await eventsDuring(server, shop.admin.tenant_id, () =>
    deactivate(server, input, inRole(shop.admin, 'support')),
  );

  expect(events.map(({ type, data }) => [type, data])).toEqual([
    ['activation.deactivated', { reason: null, override_allowance: true }],
  ]);
  expect(await allowance(license)).toMatchObject({ used: 0 });
});

test('leases that run out, a transfer and a revocation are not counted', async () => {
  const license = await limited(1, { licenseType: 'CONCURRENT', customerId: shop.customerId });
  await tokenOf(license, 'a');
  server.pass(900_000);
  await tokenOf(license, 'b');
  await actOn(server, shop.admin, 'transferLicense', {
    licenseId: license.id,
    newIssuedTo: 'Bo',
    transferReason: 'sold',
  });

  expect(await allowance(license)).toMatchObject({ used: 0 });
  await deactivate(server, { activationToken: await tokenOf(license, 'c') });
  await tokenOf(license, 'd');
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'fraud' });
  expect(await allowance(license)).toMatchObject({ used: 1, left: 0 });
});

test('of 30 who give devices up at once on two servers exactly as many may as are allowed', async () => {
  const beside = await startTestServer({ beside: server });
  try {
    const license = await limited(7);
    const tokens: unknown[] = [];
    for (let device = 0; device < 30; device += 1) tokens.push(await tokenOf(license, `d${device}`));
    server.now = addDays(START, 100);
    beside.now = server.now;

    const answers = await Promise.all(
      tokens.map((activationToken, index) =>
        deactivate(index % 2 === 0 ? server : beside, { activationToken }),
      ),
    );

    const done = answers.filter(({ code }) => code === undefined);
    expect(done).toHaveLength(7);
    expect(new Set(answers.map(({ code }) => code))).toEqual(
      new Set([undefined, 'DEACTIVATION_LIMIT_EXCEEDED']),
    );
    expect(await allowance(license)).toMatchObject({ used: 7, left: 0 });
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 23, stored: 23, live: 23 });
  } finally {
    await beside.stop();
  }
});
