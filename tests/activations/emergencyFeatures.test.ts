import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { actOn } from '../support/acts.js';
import { consume, verdictsOf } from '../support/consuming.js';
import { deactivate, tryActivate, validateToken } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { blacklistDevice, emergencyCode } from '../support/guarding.js';
import { markedGraph } from '../support/markedGraph.js';
import { modes } from '../support/modes.js';
import { type Answer, START, startTestServer, type TestServer } from '../support/server.js';

const DAY = 86_400_000;

let server: TestServer;
let marked: TestServer;
let shop: Shop;
let license: Issued;
/** Of the device that has a seat, and of the one that an emergency code let in. */
let seat: string;
let spare: string;

/** Ten days of grace, which are over when the code is used. */
async function lapse(): Promise<void> {
  shop = await openShop(server);
  license = await createLicense(server, shop, {
    expiryDate: '2026-04-01T00:00:00Z',
    gracePeriodDays: 10,
    features: [
      { featureId: 'maps', featureName: 'Maps', limitValue: 3 },
      { featureId: 'trial', featureName: 'Trial', expiresAt: '2026-03-15T00:00:00Z' },
    ],
  });
  seat = String((await activate(server, license.licenseKey, 'laptop')).activationToken);
  pass(50 * DAY);
  const given = await emergencyCode(server, shop.admin, license);
  const { data } = await tryActivate(server, license.licenseKey, 'spare', { emergencyCode: given });
  spare = String(data?.activateLicense?.activationToken);
}

function pass(millis: number): void {
  server.pass(millis);
  marked.now = server.now;
}

/** What was done while the license still ran. */
async function atStart(run: () => Promise<unknown>): Promise<void> {
  const late = server.now;
  server.now = START;
  await run();
  server.now = late;
}

const showing = (scheme: string, secret: string, query: string, on = marked): Promise<Answer> =>
  on.graphql(query, {}, undefined, { authorization: `${scheme} ${secret}` });
const codeOf = async (answer: Promise<Answer>) => (await answer).code ?? 'granted';

const maps = (secret = spare, scheme = 'Activation') => codeOf(showing(scheme, secret, '{ maps }'));

describe.each(modes)('past the end of grace, on a server %s, an emergency code', (_mode, options) => {
  beforeAll(async () => {
    server = await startTestServer(options);
    marked = await startTestServer({ ...options, beside: server, graph: markedGraph() });
  });
  beforeEach(async () => {
    server.now = START;
    marked.now = START;
    await lapse();
  });
  afterAll(async () => {
    await marked.stop();
    await server.stop();
  });

  test('has its device granted what the license granted before, unit by unit and no more', async () => {
    const granted = [await maps(), await codeOf(showing('Activation', spare, 'mutation { draw }'))];

    const exceeded = await maps();

    expect([...granted, exceeded]).toEqual(['granted', 'granted', 'QUOTA_EXCEEDED']);
    expect((await validateToken(server, spare)).code).toBe('VALID');
  });

  test('has nobody else granted anything: no other device of the license, nor its key, nor its tenant', async () => {
    const others = [
      await maps(seat),
      await maps(license.licenseKey, 'License'),
      await codeOf(marked.graphql('{ maps }', {}, shop.admin)),
    ];

    expect(others).toEqual(['NO_ACTIVE_LICENSE', 'NO_ACTIVE_LICENSE', 'NO_ACTIVE_LICENSE']);
    expect(await maps()).toBe('granted');
  });

  test('ends a day later, for what was remembered too', async () => {
    const during = await maps();
    pass(DAY - 1);
    const last = await maps();
    pass(1);

    expect([during, last, await maps()]).toEqual(['granted', 'granted', 'NO_ACTIVE_LICENSE']);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    [
      'a suspension for cause',
      () =>
        atStart(() => actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'x' })),
      'NO_ACTIVE_LICENSE',
    ],
    [
      'revocation',
      () => actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'x' }),
      'NO_ACTIVE_LICENSE',
    ],
    ['its end', () => deactivate(server, { activationToken: spare }), 'NO_ACTIVE_LICENSE'],
    ['the blacklist', () => blacklistDevice(server, shop.admin, 'spare'), 'APPLICATION_UNKNOWN'],
  ])('passes over no more than the end of grace: not %s', async (_what, act, code) => {
    const before = await codeOf(showing('Activation', spare, '{ open }'));
    await act();

    expect([before, await maps()]).toEqual(['granted', code]);
  });

  test('grants nothing that the license does not: a feature past its own end, one that it never had', async () => {
    const verdicts = await consume(server, undefined, [{ featureId: 'trial', amount: 0 }], undefined, {
      authorization: `Activation ${spare}`,
    });

    expect(verdictsOf(verdicts)).toEqual(['FEATURE_NOT_LICENSED']);
  });

  test("speaks for its device when another server asks by its token, and in that server's signed sets", async () => {
    const uses = [{ featureId: 'maps' }];
    const set = (activationToken: string) =>
      server.graphql(
        'query ($licensee: LicenseeInput) { entitlementSet(licensee: $licensee) { expiresAt } }',
        { licensee: { activationToken } },
        shop.admin,
      );

    const [own, other] = [
      await consume(server, shop.admin, uses, { activationToken: spare }),
      await consume(server, shop.admin, uses, { activationToken: seat }),
    ];

    expect([verdictsOf(own), verdictsOf(other)]).toEqual([['granted'], ['NO_ACTIVE_LICENSE']]);
    expect([(await set(spare)).errors, (await set(seat)).errors]).toEqual([[], []]);
  });
});
