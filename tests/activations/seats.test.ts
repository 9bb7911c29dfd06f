import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { actOn, mutation, refused } from '../support/acts.js';
import { deactivate, heartbeat, seatsOf, tryActivate, validateToken } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { fc } from '../support/seed.js';
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
const licensed = (input: object): Promise<Issued> =>
  createLicense(server, shop, { maxActivations: 3, ...input });
const refusedFull = (license: Issued, device: string, input: object = {}) =>
  refused(server, shop.admin, 'ACTIVATION_LIMIT_EXCEEDED', () =>
    tryActivate(server, license.licenseKey, device, input),
  );

interface Model {
  readonly input: object;
  /** Devices that take the three seats, each with the count that it makes. */
  readonly taken: readonly (readonly [device: string, input: object, count: number])[];
  readonly refused: object;
  readonly verdict: string;
  /** One that still fits, as it takes no further seat. */
  readonly fits?: object;
}

const byUser = {
  taken: [
    ['d1', { user: 'ada' }, 1],
    ['d2', { user: 'ada' }, 1],
    ['d3', { user: 'bo', units: 16 }, 2],
    ['d4', {}, 3],
  ],
  refused: { user: 'cy' },
  verdict: 'TOO_MANY_USERS',
  fits: { user: 'bo' },
} as const;
const byDevice = {
  taken: [
    ['d1', { user: 'ada' }, 1],
    ['d2', { user: 'ada' }, 2],
    ['d3', { units: 16 }, 3],
  ],
  refused: { user: 'ada' },
  verdict: 'TOO_MANY_DEVICES',
} as const;
const byUnits = {
  taken: [
    ['d1', { units: 2 }, 2],
    ['d2', {}, 3],
  ],
  refused: {},
} as const;

const models: readonly (readonly [string, Model])[] = [
  ['PER_SEAT counts people', { input: { licenseModel: 'PER_SEAT' }, ...byUser }],
  ['NAMED_USER counts people', { input: { licenseType: 'NAMED_USER' }, ...byUser }],
  ['PER_DEVICE counts devices', { input: { licenseModel: 'PER_DEVICE' }, ...byDevice }],
  ['PER_CPU counts processors', { input: { licenseModel: 'PER_CPU' }, ...byUnits, verdict: 'TOO_MANY_CPUS' }],
  ['PER_CORE counts cores', { input: { licenseModel: 'PER_CORE' }, ...byUnits, verdict: 'TOO_MANY_CORES' }],
  [
    'NAMED_USER PER_CORE counts cores',
    { input: { licenseType: 'NAMED_USER', licenseModel: 'PER_CORE' }, ...byUnits, verdict: 'TOO_MANY_CORES' },
  ],
  [
    'CONCURRENT counts leases of devices',
    { input: { licenseType: 'CONCURRENT' }, ...byDevice, verdict: 'TOO_MANY_LEASES' },
  ],
  [
    'CONCURRENT PER_SEAT counts leases of people',
    { input: { licenseType: 'CONCURRENT', licenseModel: 'PER_SEAT' }, ...byUser, verdict: 'TOO_MANY_LEASES' },
  ],
  [
    'CONCURRENT PER_CPU counts processors under lease',
    { input: { licenseType: 'CONCURRENT', licenseModel: 'PER_CPU' }, ...byUnits, verdict: 'TOO_MANY_LEASES' },
  ],
];

describe('what a model counts', () => {
  test.each(models)('%s', async (_, model) => {
    const license = await licensed(model.input);

    for (const [device, input, count] of model.taken) {
      const answer = await activate(server, license.licenseKey, device, input);
      expect(answer.license?.currentActivations).toBe(count);
      expect(await seatsOf(server, shop, license)).toEqual({ graph: count, stored: count, live: count });
    }
    const error = await refusedFull(license, 'one-more', model.refused);

    expect(error.extensions).toEqual({
      code: 'ACTIVATION_LIMIT_EXCEEDED',
      verdict: model.verdict,
      remedy: expect.stringContaining('of 3 others use 3, and '),
      current_activations: 3,
      max_activations: 3,
    });
    if (model.fits !== undefined) await activate(server, license.licenseKey, 'fits', model.fits);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 3, stored: 3, live: 3 });
  });

  test.each(['SITE_LICENSE', 'ENTERPRISE'])('%s has no limit', async (licenseModel) => {
    const license = await licensed({ licenseModel, maxActivations: 1 });

    for (const device of ['d1', 'd2', 'd3', 'd4']) {
      await activate(server, license.licenseKey, device, { units: 100 });
    }

    expect(await seatsOf(server, shop, license)).toEqual({ graph: 4, stored: 4, live: 4 });
  });

  test('is counted by nobody while it is known: once when leases have run out, and never by an activation', async () => {
    const license = await licensed({ licenseType: 'CONCURRENT', licenseModel: 'PER_SEAT' });
    const counts = () => server.statements.splice(0).filter((text) => text.includes('count(distinct')).length;
    const taking = (user: string) => {
      const input = { licenseKey: license.licenseKey, deviceFingerprint: user, user };
      return server.ok(mutation('activateLicense', 'activationToken'), { input });
    };
    const first = await taking('ada');
    counts();

    await taking('bo');
    const activating = counts();
    server.pass(LEASE);
    await heartbeat(server, first.activateLicense?.activationToken);
    const beating = counts();
    await taking('bo');
    const renewing = counts();

    expect([activating, beating, renewing]).toEqual([0, 1, 0]);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 2, stored: 2, live: 2 });
  });

  test('a device that reports more cores is asked for them, and fewer free what is left', async () => {
    const license = await licensed({ licenseModel: 'PER_CORE', maxActivations: 8 });
    await activate(server, license.licenseKey, 'd1', { units: 4 });
    await activate(server, license.licenseKey, 'd2', { units: 2 });

    await refusedFull(license, 'd1', { units: 7 });
    await activate(server, license.licenseKey, 'd1', { units: 6 });
    await refusedFull(license, 'd3');
    await activate(server, license.licenseKey, 'd1', { units: 1 });
    await activate(server, license.licenseKey, 'd3', { units: 5 });

    expect(await seatsOf(server, shop, license)).toEqual({ graph: 8, stored: 8, live: 8 });
  });

  test('a device that reports fewer cores goes on, though the limit was lowered below all that are in use', async () => {
    const license = await licensed({ licenseModel: 'PER_CPU', maxActivations: 8 });
    await activate(server, license.licenseKey, 'd1', { units: 4 });
    await activate(server, license.licenseKey, 'd2', { units: 4 });
    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, maxActivations: 5 });

    await activate(server, license.licenseKey, 'd1', { units: 3 });
    await refusedFull(license, 'd1', { units: 4 });
    await refusedFull(license, 'd3');

    expect(await seatsOf(server, shop, license)).toEqual({ graph: 7, stored: 7, live: 7 });
  });

  test('a device whose user is named later takes no further seat, and joins the seat that the user has', async () => {
    const license = await licensed({ licenseModel: 'PER_SEAT', maxActivations: 2 });
    await activate(server, license.licenseKey, 'd1', { user: 'ada' });
    await activate(server, license.licenseKey, 'd2');

    const named = await activate(server, license.licenseKey, 'd2', { user: 'ada' });

    expect(named.license?.currentActivations).toBe(1);
    await activate(server, license.licenseKey, 'd3', { user: 'bo' });
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 2, stored: 2, live: 2 });
  });
});

describe('a floating seat', () => {
  const floating = (): Promise<Issued> => licensed({ licenseType: 'CONCURRENT', maxActivations: 1 });

  test('is freed by time alone when its lease misses its heartbeats', async () => {
    const license = await floating();
    await activate(server, license.licenseKey, 'd1');
    server.pass(LEASE - 1);
    await refusedFull(license, 'd2');
    server.pass(1);

    const { graph, live } = await seatsOf(server, shop, license);
    const taken = await activate(server, license.licenseKey, 'd2');

    expect({ graph, live }).toEqual({ graph: 0, live: 0 });
    expect(taken.license?.currentActivations).toBe(1);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  });

  test('is held by heartbeats, each for a whole lease', async () => {
    const license = await floating();
    const { activationToken } = await activate(server, license.licenseKey, 'd1');

    for (const _ of [1, 2, 3]) {
      server.pass(LEASE - 1);
      const answer = await heartbeat(server, activationToken);
      expect(answer.data?.sendHeartbeat?.activation?.leaseExpiresAt).toBe(
        new Date(Date.parse(server.now) + LEASE).toISOString(),
      );
    }

    await refusedFull(license, 'd2');
  });

  test('that lapsed is won again by a heartbeat while it is free, and the count follows', async () => {
    const license = await licensed({ licenseType: 'CONCURRENT', maxActivations: 2 });
    const first = await activate(server, license.licenseKey, 'd1');
    server.pass(LEASE);
    await activate(server, license.licenseKey, 'd2');
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });

    const answer = await heartbeat(server, first.activationToken);

    expect(answer.errors).toEqual([]);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 2, stored: 2, live: 2 });
  });

  test('that lapsed and was taken is refused to heartbeat and activation, until it is free', async () => {
    const license = await floating();
    const first = await activate(server, license.licenseKey, 'd1', { units: 4 });
    server.pass(LEASE);
    const second = await activate(server, license.licenseKey, 'd2');

    const lapsed = await refused(server, shop.admin, 'LEASE_EXPIRED', () =>
      heartbeat(server, first.activationToken),
    );
    const error = await refusedFull(license, 'd1');
    const verdict = await validateToken(server, first.activationToken);
    await deactivate(server, { activationToken: second.activationToken });
    const again = await heartbeat(server, first.activationToken);

    expect(error.extensions).toEqual({
      code: 'ACTIVATION_LIMIT_EXCEEDED',
      verdict: 'TOO_MANY_LEASES',
      remedy:
        'Have others give up seats, or have the limit raised: of 1 others use 1, and 1 more are asked for.',
      current_activations: 1,
      max_activations: 1,
    });
    expect(lapsed.extensions).toEqual({
      code: 'LEASE_EXPIRED',
      verdict: 'LEASE_EXPIRED',
      remedy: 'Send a heartbeat, or activate again: it takes a seat as soon as one is free.',
    });
    expect(verdict).toEqual({
      valid: false,
      code: 'LEASE_EXPIRED',
      reasons: ['LEASE_EXPIRED', 'TOO_MANY_LEASES'],
    });
    expect(again.errors).toEqual([]);
    expect(await validateToken(server, first.activationToken)).toEqual({
      valid: true,
      code: 'VALID',
      reasons: [],
    });
  });

  test('that lapsed is renewed by activating again', async () => {
    const license = await floating();
    const first = await activate(server, license.licenseKey, 'd1');
    server.pass(10 * LEASE);

    const again = await activate(server, license.licenseKey, 'd1');

    expect(again.activation).toEqual(first.activation);
    expect(again.license?.currentActivations).toBe(1);
  });

  test('that a server ahead in time has given away is not renewed by one that is behind', async () => {
    const ahead = await startTestServer({ beside: server });
    try {
      const license = await floating();
      const first = await activate(server, license.licenseKey, 'd1');
      ahead.pass(LEASE);
      await activate(ahead, license.licenseKey, 'd2');
      await server.ok(
        'mutation ($input: UpdateLicenseInput!) { updateLicense(input: $input) { license { id } } }',
        { input: { licenseId: license.id, issuedTo: 'Bo' } },
        shop.admin,
      );

      await refused(server, shop.admin, 'LEASE_EXPIRED', () => heartbeat(server, first.activationToken));

      await refusedFull(license, 'd1');
      expect(await seatsOf(ahead, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
    } finally {
      await ahead.stop();
    }
  });

  test('is no matter of licenses that do not float', async () => {
    const license = await licensed({ maxActivations: 1 });
    await activate(server, license.licenseKey, 'd1');
    server.pass(100 * LEASE);

    await refusedFull(license, 'd2');
  });
});

const AT_ONCE = 8;

type Step = readonly ['activate' | 'deactivate' | 'heartbeat', number] | readonly ['pass', number];

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constant('activate' as const), fc.nat(4)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('deactivate' as const), fc.nat(4)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('heartbeat' as const), fc.nat(4)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('pass' as const), fc.constantFrom(LEASE / 2, LEASE)) },
  ),
  { minLength: 8, maxLength: 24 },
);
const kinds = fc.constantFrom(
  { licenseModel: 'PER_DEVICE' },
  { licenseModel: 'PER_SEAT' },
  { licenseType: 'CONCURRENT' },
);
const expected = new Set([
  undefined,
  'ACTIVATION_LIMIT_EXCEEDED',
  'LEASE_EXPIRED',
  'ACTIVATION_DEACTIVATED',
  'ACTIVATION_NOT_FOUND',
]);

/** Devices that keep the last token they were answered, and act several at a time. */
class Field {
  private readonly tokens = new Map<number, unknown>();

  constructor(private readonly license: Issued) {}

  async take([kind, value]: Step): Promise<string | undefined> {
    if (kind === 'pass') {
      server.pass(value);
      return undefined;
    }
    const token = this.tokens.get(value);
    if (kind === 'activate') {
      const user = value === 4 ? { user: 'd3' } : {};
      const answer = await tryActivate(server, this.license.licenseKey, `d${value}`, user);
      if (answer.code === undefined) this.tokens.set(value, answer.data?.activateLicense?.activationToken);
      return answer.code;
    }
    if (token === undefined) return undefined;
    const answer = await (kind === 'heartbeat'
      ? heartbeat(server, token)
      : deactivate(server, { activationToken: token }));
    return answer.code;
  }
}

test('a device that leaves a seat to others who share it and names a user takes a seat more, or none', async () => {
  const license = await licensed({ licenseModel: 'PER_SEAT', maxActivations: 1 });
  const elsewhere = await activate(server, (await licensed({})).licenseKey, 'shared');
  const query = 'query ($id: ID!) { activation(id: $id) { deviceFingerprint } }';
  const found = await server.ok(query, { id: elsewhere.activation?.id }, shop.admin);
  const user = String(found.activation?.deviceFingerprint);
  const first = await activate(server, license.licenseKey, 'd1', { user });
  await activate(server, license.licenseKey, 'shared');

  await refusedFull(license, 'shared', { user: 'ada' });
  await deactivate(server, { activationToken: first.activationToken });
  await activate(server, license.licenseKey, 'shared', { user: 'ada' });

  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
});

test('in any interleaving no seat too many is taken, and the stored count is the count of the live', async () => {
  await fc.assert(
    fc.asyncProperty(kinds, fc.integer({ min: 1, max: 3 }), steps, async (kind, maxActivations, walk) => {
      server.now = START;
      const license = await licensed({ ...kind, maxActivations });
      const field = new Field(license);

      for (let from = 0; from < walk.length; from += AT_ONCE) {
        const codes = await Promise.all(walk.slice(from, from + AT_ONCE).map((step) => field.take(step)));

        expect(codes.filter((code) => !expected.has(code))).toEqual([]);
        const { graph, stored, live } = await seatsOf(server, shop, license);
        expect(live).toBeLessThanOrEqual(maxActivations);
        expect(graph).toBe(live);
        // A lease that lapses is counted out by whoever acts next: time alone writes nothing.
        if (!('licenseType' in kind)) expect(stored).toBe(live);
      }
    }),
    { numRuns: 20 },
  );
});
