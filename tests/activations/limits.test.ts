import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { seatsOf, tryActivate } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let beside: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  beside = await startTestServer({ beside: server });
  shop = await openShop(server);
});
afterAll(async () => {
  await beside?.stop();
  await server?.stop();
});
beforeEach(() => {
  server.now = START;
  beside.now = START;
});

const CALLERS = 24;
const licensed = (input: object): Promise<Issued> =>
  createLicense(server, shop, { maxActivations: 6, ...input });

/** Everybody at once, every second one on the other server. */
async function together(
  license: Issued,
  inputOf: (caller: number) => { device: string } & Record<string, unknown>,
): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) => {
      const { device, ...input } = inputOf(caller);
      return tryActivate(caller % 2 === 0 ? server : beside, license.licenseKey, device, input);
    }),
  );
  return answers.map(({ code }) => code ?? 'seated').toSorted();
}

const full = (refusedCount: number): string[] => [
  ...Array(refusedCount).fill('ACTIVATION_LIMIT_EXCEEDED'),
  ...Array(CALLERS - refusedCount).fill('seated'),
];

test.each(['PER_SEAT', 'PER_DEVICE', 'PER_CPU', 'PER_CORE'])(
  'a limit of 0 takes no device at all where a license counts: %s',
  async (licenseModel) => {
    const license = await licensed({ licenseModel, maxActivations: 0 });

    const { code } = await tryActivate(server, license.licenseKey, 'laptop');

    expect(code).toBe('ACTIVATION_LIMIT_EXCEEDED');
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
  },
);

describe('the last seats go to exactly as many of 24 callers on two servers', () => {
  test.each([
    ['PER_DEVICE', { licenseModel: 'PER_DEVICE' }],
    ['CONCURRENT', { licenseType: 'CONCURRENT' }],
  ])('%s: a device each', async (_, input) => {
    const license = await licensed(input);

    const codes = await together(license, (caller) => ({ device: `d${caller}` }));

    expect(codes).toEqual(full(CALLERS - 6));
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 6, stored: 6, live: 6 });
  });

  test.each([
    ['PER_SEAT', { licenseModel: 'PER_SEAT' }],
    ['NAMED_USER', { licenseType: 'NAMED_USER' }],
    ['CONCURRENT PER_SEAT', { licenseType: 'CONCURRENT', licenseModel: 'PER_SEAT' }],
  ])('%s: two devices a person', async (_, input) => {
    const license = await licensed(input);

    const codes = await together(license, (caller) => ({
      device: `d${caller}`,
      user: `u${Math.floor(caller / 2)}`,
    }));

    const seated = codes.filter((code) => code === 'seated').length;
    expect(new Set(codes)).toEqual(new Set(['seated', 'ACTIVATION_LIMIT_EXCEEDED']));
    expect(seated).toBeGreaterThanOrEqual(6);
    expect(seated).toBeLessThanOrEqual(12);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 6, stored: 6, live: 6 });
  });

  test.each([
    ['PER_CPU', { licenseModel: 'PER_CPU' }],
    ['PER_CORE', { licenseModel: 'PER_CORE' }],
    ['CONCURRENT PER_CORE', { licenseType: 'CONCURRENT', licenseModel: 'PER_CORE' }],
  ])('%s: two units a device', async (_, input) => {
    const license = await licensed(input);

    const codes = await together(license, (caller) => ({ device: `d${caller}`, units: 2 }));

    expect(codes).toEqual(full(CALLERS - 3));
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 6, stored: 6, live: 6 });
  });

  test('PER_CORE: devices that report more cores than before, for those that are left', async () => {
    const license = await licensed({ licenseModel: 'PER_CORE', maxActivations: CALLERS + 5 });
    for (let caller = 0; caller < CALLERS; caller += 1)
      await activate(server, license.licenseKey, `d${caller}`);

    const codes = await together(license, (caller) => ({ device: `d${caller}`, units: 2 }));

    expect(codes).toEqual(full(CALLERS - 5));
    const all = CALLERS + 5;
    expect(await seatsOf(server, shop, license)).toEqual({ graph: all, stored: all, live: all });
  });

  test.each(['SITE_LICENSE', 'ENTERPRISE'])('%s: everybody', async (licenseModel) => {
    const license = await licensed({ licenseModel, maxActivations: 1 });

    expect(await together(license, (caller) => ({ device: `d${caller}` }))).toEqual(full(0));
    expect(await seatsOf(server, shop, license)).toEqual({ graph: CALLERS, stored: CALLERS, live: CALLERS });
  });
});

test('of 3,000 devices none is counted to let in one more, to change one or to end one', async () => {
  const license = await licensed({ licenseModel: 'PER_SEAT', maxActivations: 5_000 });
  await activate(server, license.licenseKey, 'first', { user: 'first' });
  await server.sql`insert into license_activations (tenant_id, id, license_id, activation_token_hash, activation_token_hint,
      device_fingerprint, user_ref, application_version, activated_at, created_at, updated_at)
    select tenant_id, gen_random_uuid()::text, license_id, 'hash ' || n, 'hint', 'device ' || n, 'user ' || n, '1', now(), now(), now()
    from license_activations, generate_series(1, 2999) as n where license_id = ${license.id}`;
  await server.sql`update licenses set current_activations = 3000 where id = ${license.id}`;
  // Looks that end at a limit are no counts.
  const aggregates = () =>
    server.statements.splice(0).filter((text) => /count\(|sum\(/.test(text) && !text.includes(' limit '));
  aggregates();

  const input = { licenseKey: license.licenseKey, deviceFingerprint: 'one-more', user: 'one-more' };
  const query = `mutation ($input: ActivateLicenseInput!) { activateLicense(input: $input) { activationToken } }`;
  await server.ok(query, { input });
  const again = await server.ok(query, { input: { ...input, applicationVersion: '2' } });
  await server.ok(
    'mutation ($t: String!) { deactivateActivation(input: { activationToken: $t }) { activation { id } } }',
    { t: again.activateLicense?.activationToken },
  );

  expect(aggregates()).toEqual([]);
  expect((await seatsOf(server, shop, license)).graph).toBe(3000);
});
