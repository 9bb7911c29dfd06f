import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { licenseStatuses, transitions } from '../../src/licenses/model.js';
import { actOn, eventsDuring, mutation, readLicense, refusedAct, refusedFields } from '../support/acts.js';
import { activate, createLicense, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { fc } from '../support/seed.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
beforeEach(() => {
  server.now = START;
});
afterAll(() => server.stop());

test('a revocation ends every device in the same transaction and frees every seat', async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'device-1');
  await activate(server, license.licenseKey, 'device-2');

  const events = await eventsDuring(server, shop.admin.tenant_id, () =>
    actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Stolen key' }),
  );

  const selection =
    'status revocationReason suspensionReason currentActivations activations { nodes { status deactivatedAt deactivationReason } }';
  const ended = { status: 'DEACTIVATED', deactivatedAt: START, deactivationReason: 'License revoked' };
  expect(await readLicense(server, shop.admin, license.id, selection)).toEqual({
    status: 'REVOKED',
    revocationReason: 'Stolen key',
    suspensionReason: null,
    currentActivations: 0,
    activations: { nodes: [ended, ended] },
  });
  expect(events.map((event) => event.type)).toEqual([
    'license.revoked',
    'activation.deactivated',
    'activation.deactivated',
  ]);
  const rows = await server.sql`select distinct a.xmin::text as written
    from license_activations a where license_id = ${license.id}
    union select xmin::text from licenses where id = ${license.id}`;
  expect(rows).toHaveLength(1);
});

test('the payload of a revocation tells that no device is left', async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'device-1');

  const answer = await actOn(
    server,
    shop.admin,
    'revokeLicense',
    { licenseId: license.id, reason: 'Fraud' },
    'currentActivations activations { nodes { status } }',
  );

  expect(answer).toEqual({ currentActivations: 0, activations: { nodes: [{ status: 'DEACTIVATED' }] } });
});

test('a revoked key activates nothing', async () => {
  const license = await issueLicense(server, shop);
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' });

  const answer = await server.graphql(mutation('activateLicense', '__typename'), {
    input: { licenseKey: license.licenseKey, deviceFingerprint: 'device-1' },
  });

  expect(answer.code).toBe('LICENSE_REVOKED');
  expect(await server.count('license_activations', `license_id = '${license.id}'`)).toBe(0);
});

test('a suspended license that is revoked keeps no way back', async () => {
  const { id } = await issueLicense(server, shop);
  await actOn(server, shop.admin, 'suspendLicense', { licenseId: id, reason: 'Invoice open' });
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: id, reason: 'Never paid' });

  await refusedAct(server, shop.admin, 'reinstateLicense', { licenseId: id }, 'INVALID_TRANSITION');

  const [row] =
    await server.sql`select status, suspended_from, suspension_cause from licenses where id = ${id}`;
  expect(row).toEqual({ status: 'REVOKED', suspended_from: null, suspension_cause: null });
});

test('a revocation without a reason is refused by the name of the field', async () => {
  const { id } = await issueLicense(server, shop);

  const fields = await refusedFields(server, shop.admin, 'revokeLicense', { licenseId: id, reason: ' ' });

  expect(fields).toEqual(['input.reason']);
});

interface Step {
  readonly act: string;
  readonly input: object;
}

const step = (act: string, input: fc.Arbitrary<object>): fc.Arbitrary<Step> =>
  input.map((given) => ({ act, input: given }));
const steps = fc.oneof(
  step('updateLicense', fc.record({ status: fc.constantFrom(...licenseStatuses) })),
  step(
    'updateLicense',
    fc.integer({ min: -40, max: 400 }).map((days) => ({ expiryInDays: days })),
  ),
  step('updateLicense', fc.constantFrom({ gracePeriodDays: 0 }, { gracePeriodDays: 365 })),
  step('suspendLicense', fc.constant({ reason: 'Invoice open' })),
  step('reinstateLicense', fc.constant({})),
  step('renewLicense', fc.record({ durationMonths: fc.integer({ min: 1, max: 3 }) })),
  step('transferLicense', fc.constant({ newIssuedTo: 'Bo', transferReason: 'Sold' })),
  step('activateLicense', fc.constant({ deviceFingerprint: 'device-1' })),
  step('pass', fc.record({ days: fc.integer({ min: 1, max: 45 }) })),
);

const begins = fc.constantFrom(
  { licenseType: 'TRIAL', trialPeriodDays: 14 },
  { licenseType: 'PERPETUAL' },
  { expiryDate: '2026-04-01T00:00:00Z', gracePeriodDays: 10 },
  { expiryDate: '2026-04-01T00:00:00Z' },
);

/** Takes a step and tells what the license reads before and after it. */
async function taken(id: string, licenseKey: string, { act, input }: Step) {
  const before = String((await readLicense(server, shop.admin, id)).status);
  if (act === 'pass' && 'days' in input) server.pass(Number(input.days) * DAY_MILLIS);
  else await send(id, licenseKey, act, input);
  const after = String((await readLicense(server, shop.admin, id)).status);
  return { act, before, after };
}

async function send(id: string, licenseKey: string, act: string, input: object): Promise<void> {
  const dated =
    'expiryInDays' in input
      ? { expiryDate: new Date(Date.parse(server.now) + Number(input.expiryInDays) * DAY_MILLIS) }
      : input;
  const named = act === 'activateLicense' ? { licenseKey } : { licenseId: id };
  const answer = await server.graphql(
    mutation(act, '__typename'),
    { input: { ...named, ...dated } },
    shop.admin,
  );
  expect(answer.code).not.toBe('INTERNAL_SERVER_ERROR');
}

/** What time alone may do, between any two looks. */
const lapses = new Set(['ACTIVE EXPIRED', 'ACTIVE SUSPENDED', 'INACTIVE SUSPENDED', 'EXPIRED SUSPENDED']);
const edges = new Set(transitions.map(({ act, from, to }) => `${act} ${from} ${to}`));

test('whatever is tried in whatever order, a license moves along the table only', async () => {
  const plan = fc.record({ begin: begins, path: fc.array(steps, { minLength: 5, maxLength: 9 }) });
  const property = fc.asyncProperty(plan, async ({ begin, path }) => {
    server.now = START;
    const { id, licenseKey } = await createLicense(server, shop, begin);
    for (const each of path) {
      const { act, before, after } = await taken(id, licenseKey, each);
      const datesOnly = act === 'updateLicense' || act === 'reinstateLicense' || act === 'pass';
      const lawful =
        before === after ||
        edges.has(`${act} ${before} ${after}`) ||
        (datesOnly && lapses.has(`${before} ${after}`));
      expect(lawful, `${act} ${before} ${after}`).toBe(true);
    }
  });

  await fc.assert(property, { numRuns: 25 });
});

test('no sequence of acts brings a revoked license back', async () => {
  const plan = fc.record({
    begin: begins,
    prefix: fc.array(steps, { maxLength: 2 }),
    path: fc.array(steps, { minLength: 5, maxLength: 8 }),
  });
  const property = fc.asyncProperty(plan, async ({ begin, prefix, path }) => {
    server.now = START;
    const { id, licenseKey } = await createLicense(server, shop, begin);
    for (const each of prefix) await taken(id, licenseKey, each);
    await actOn(server, shop.admin, 'revokeLicense', { licenseId: id, reason: 'Fraud' });
    const row = () => server.sql`select * from licenses where id = ${id}`;
    const revoked = await row();
    for (const each of path) expect((await taken(id, licenseKey, each)).after).toBe('REVOKED');
    expect(await row()).toEqual(revoked);
    expect(await server.count('license_activations', `license_id = '${id}' and status = 'ACTIVE'`)).toBe(0);
  });

  await fc.assert(property, { numRuns: 12 });
});
