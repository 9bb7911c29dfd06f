import { type Client, createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createSchema } from '../../src/server/schema.js';
import { mutation } from '../support/acts.js';
import {
  activate,
  createCustomer,
  createLicense,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

let server: TestServer;
let beside: TestServer;
const addresses = new Map<TestServer, string>();
const clients: Client[] = [];

async function listening(started: TestServer): Promise<TestServer> {
  addresses.set(started, await listen(started));
  return started;
}

beforeAll(async () => {
  server = await listening(await startTestServer({ events: true }));
  beside = await listening(await startTestServer({ events: true, beside: server }));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
});
afterAll(async () => {
  await beside.stop();
  await server.stop();
});

interface Stream {
  readonly got: Json[];
  readonly ended: Promise<unknown>;
  /** Waits until so many have come. */
  until(count: number): Promise<Json[]>;
}

async function subscribe(
  at: TestServer,
  as: Claims | string,
  query: string,
  variables = {},
): Promise<Stream> {
  const token = typeof as === 'string' ? as : await at.token(as);
  const url = addresses.get(at) ?? '';
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: { token },
    retryAttempts: 0,
    lazy: true,
  });
  clients.push(client);
  const got: Json[] = [];
  const ended = new Promise<unknown>((resolve) => {
    client.subscribe<Json>(
      { query, variables },
      {
        next: (answer) => {
          got.push(JSON.parse(JSON.stringify(answer)));
        },
        error: resolve,
        complete: () => resolve('complete'),
      },
    );
  });
  const until = async (count: number): Promise<Json[]> => {
    await expect.poll(() => got.length).toBeGreaterThanOrEqual(count);
    return got;
  };
  return { got, ended, until };
}

/** A stream that has begun: the first change that it tells is one that was made to find out. */
async function begun(stream: Stream, nudge: () => Promise<unknown>): Promise<void> {
  const heard = async (): Promise<number> => {
    await nudge();
    return stream.got.length;
  };
  await expect.poll(heard, { interval: 100 }).toBeGreaterThan(0);
}

const changed =
  'subscription { licenseChanged { type sequence license { id status issuedTo customer { name } } } }';

function rename(shop: Shop, licenseId: string, issuedTo: string) {
  return server.ok(
    mutation('updateLicense', 'license { id }'),
    { input: { licenseId, issuedTo } },
    shop.admin,
  );
}

test('a change that one server commits reaches a subscriber of another, in order and once', async () => {
  const shop = await openShop(server);
  const { id } = await issueLicense(server, shop);
  const stream = await subscribe(beside, shop.admin, changed);
  await begun(stream, () => rename(shop, id, 'first'));

  for (let index = 0; index < 20; index += 1) await rename(shop, id, `name ${index}`);
  await server.ok(
    mutation('suspendLicense', 'license { id }'),
    { input: { licenseId: id, reason: 'test' } },
    shop.admin,
  );
  await expect
    .poll(() => stream.got.at(-1)?.data?.licenseChanged)
    .toMatchObject({
      type: 'license.suspended',
      license: { id, status: 'SUSPENDED', issuedTo: 'name 19', customer: { name: 'Ada Okafor' } },
    });

  const sequences = stream.got.map((each) => Number(each.data?.licenseChanged?.sequence));
  expect(sequences.length).toBeGreaterThanOrEqual(22);
  expect(sequences).toEqual(sequences.map((_, index) => Number(sequences[0]) + index));
});

test('a subscriber sees what is its own: not another tenant, not another customer', async () => {
  const shop = await openShop(server);
  const other = await openShop(server);
  const stranger = await createCustomer(server, shop.admin, 'Stranger');
  const own = await issueLicense(server, shop);
  const theirs = await issueLicense(server, shop, { customerId: stranger });
  const foreign = await issueLicense(server, other);
  const customer: Claims = {
    tenant_id: shop.admin.tenant_id,
    roles: ['customer'],
    customer_id: shop.customerId,
  };
  const stream = await subscribe(server, customer, changed);
  await begun(stream, () => rename(shop, own.id, 'mine'));

  await rename(shop, theirs.id, 'not mine');
  await rename(other, foreign.id, 'not ours');
  await rename(shop, own.id, 'last');
  await expect.poll(() => stream.got.at(-1)?.data?.licenseChanged?.license?.issuedTo).toBe('last');

  const ids = new Set(stream.got.map((each) => each.data?.licenseChanged?.license?.id));
  expect([...ids]).toEqual([own.id]);
});

test('activationChanged tells of devices that come and go', async () => {
  const shop = await openShop(server);
  const { id, licenseKey } = await issueLicense(server, shop);
  const query =
    'subscription ($id: ID) { activationChanged(licenseId: $id) { type activation { status license { id } } } }';
  const stream = await subscribe(server, shop.admin, query, { id });
  let device = 0;
  await begun(stream, () => activate(server, licenseKey, `device-${device++ % 5}`));

  await server.ok(
    mutation('revokeLicense', 'license { id }'),
    { input: { licenseId: id, reason: 'test' } },
    shop.admin,
  );

  await expect
    .poll(() => stream.got.at(-1)?.data?.activationChanged)
    .toEqual({ type: 'activation.deactivated', activation: { status: 'DEACTIVATED', license: { id } } });
});

test('licenseExpiring tells what is in the window, and what a change brings into it', async () => {
  const shop = await openShop(server);
  const soon = await createLicense(server, shop, { expiryDate: '2026-03-05T12:00:00Z' });
  const later = await createLicense(server, shop, { expiryDate: '2026-09-01T12:00:00Z' });
  const query = 'subscription { licenseExpiring(withinDays: 7) { daysRemaining license { id } } }';
  const stream = await subscribe(server, shop.admin, query);
  const first = [...(await stream.until(1))];

  await server.ok(
    mutation('updateLicense', 'license { id }'),
    { input: { licenseId: later.id, expiryDate: '2026-03-02T12:00:00Z' } },
    shop.admin,
  );
  const both = await stream.until(2);

  expect(first.map((each) => each.data?.licenseExpiring)).toEqual([
    { daysRemaining: 4, license: { id: soon.id } },
  ]);
  expect(both.at(1)?.data?.licenseExpiring).toEqual({ daysRemaining: 1, license: { id: later.id } });
});

const streams = [
  ['licenseChanged', 'license.read', changed],
  ['licenseExpiring', 'license.read', 'subscription { licenseExpiring(withinDays: 7) { daysRemaining } }'],
  ['activationChanged', 'activation.read', 'subscription { activationChanged { type } }'],
  ['events', 'event.read', 'subscription { events { sequence } }'],
  ['orderProgress', 'order.read', 'subscription { orderProgress { type } }'],
  ['quotaThreshold', 'entitlement.read', 'subscription { quotaThreshold { thresholdPercent } }'],
  ['violationDetected', 'violation.read', 'subscription { violationDetected { at } }'],
] as const;

test('every stream stands in the table', () => {
  const fields = createSchema().getSubscriptionType()?.getFields() ?? {};

  expect(streams.map(([name]) => name).toSorted()).toEqual(Object.keys(fields).toSorted());
});

test.each(streams)(
  '%s asks for its permission, ends itself and says why',
  async (_name, permission, query) => {
    const shop = await openShop(server);
    const nobody: Claims = { tenant_id: shop.admin.tenant_id, roles: [] };

    const stream = await subscribe(server, nobody, query);
    await stream.until(1);

    expect(JSON.stringify(stream.got[0])).toContain(`Needs the permission '${permission}'.`);
    expect(await stream.ended).toBe('complete');
  },
);

test('bad values are refused before anything is followed', async () => {
  const shop = await openShop(server);

  const days = await subscribe(
    server,
    shop.admin,
    'subscription { licenseExpiring(withinDays: 0) { daysRemaining } }',
  );
  const id = await subscribe(server, shop.admin, 'subscription { licenseChanged(licenseId: "x") { type } }');
  await Promise.all([days.ended, id.ended]);

  expect(JSON.stringify(days.got)).toContain('"field":"withinDays"');
  expect(JSON.stringify(id.got)).toContain('"field":"licenseId"');
});

const head = 'subscription ($no: Boolean = false)';
test.each([
  ['a variable', `${head} { licenseChanged @skip(if: $no) { type } }`],
  ['a literal', 'subscription { licenseChanged @include(if: true) { type } }'],
  ['on a fragment', `${head} { ... @include(if: $no) { licenseChanged { type } } }`],
  [
    'within fragments',
    `${head} { ...F } fragment F on Subscription { ... { licenseChanged @skip(if: $no) { type } } }`,
  ],
  [
    'in a circle',
    `${head} { ...F } fragment F on Subscription { ...F licenseChanged @skip(if: $no) { type } }`,
  ],
])('a stream under a condition, %s, is refused by either door before it begins', async (_what, query) => {
  const shop = await openShop(server);

  const stream = await subscribe(server, shop.admin, query);
  const overHttp = await server.graphql(query, {}, shop.admin);

  expect(await stream.ended).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
  expect(overHttp.code).toBe('GRAPHQL_VALIDATION_FAILED');
});

test('queries and mutations run over a socket as over HTTP', async () => {
  const shop = await openShop(server);

  const query = await subscribe(server, shop.admin, '{ viewer { subject } customers { nodes { name } } }');
  await query.ended;
  const refused = await subscribe(
    server,
    shop.admin,
    'mutation { revealLicenseKey(input: { licenseId: "x" }) { licenseKey } }',
  );
  await refused.ended;

  expect(query.got).toEqual([
    { data: { viewer: { subject: 'tester' }, customers: { nodes: [{ name: 'Ada Okafor' }] } } },
  ]);
  expect(JSON.stringify(refused.got)).toContain('INVALID_INPUT');
});

test('a socket ends when its token does', async () => {
  const shop = await openShop(server);
  const soon = await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, server.now, 1);
  const stream = await subscribe(server, soon ?? '', changed);
  server.pass(2000);

  expect(await stream.ended).toMatchObject({
    code: 4401,
    reason: 'TOKEN_EXPIRED: The token has expired; sign in again.',
  });
});
