import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { actOn, eventsDuring, refused } from '../support/acts.js';
import { deactivate, seatsOf } from '../support/devices.js';
import {
  activate,
  createCustomer,
  createLicense,
  type Issued,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let license: Issued;
let id: string;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.now = START;
  license = await createLicense(server, shop, { customerId: shop.customerId, maxActivations: 3 });
  await activate(server, license.licenseKey, 'kept');
  const answer = await activate(server, license.licenseKey, 'device-1');
  id = String(answer.activation?.id);
  token = String(answer.activationToken);
});

function bearer(more: Partial<Claims>): Claims {
  return { tenant_id: shop.admin.tenant_id, ...more };
}

function ended(reason: string | null) {
  return {
    errors: [],
    data: {
      deactivateActivation: {
        activation: { id, status: 'DEACTIVATED', deactivatedAt: START, deactivationReason: reason },
      },
    },
  };
}

test('an application ends its own activation with its token, as nobody else', async () => {
  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    const answer = await deactivate(server, { activationToken: token, reason: 'Uninstalled' });
    expect(answer).toMatchObject(ended('Uninstalled'));
  });

  expect(events).toEqual([
    {
      type: 'activation.deactivated',
      subjectId: id,
      licenseId: license.id,
      actor: `license:${license.id}`,
      data: { reason: 'Uninstalled' },
    },
  ]);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
});

test('twice is the same as once: one seat, one event, the first reason and instant', async () => {
  await deactivate(server, { activationToken: token, reason: 'First' });
  server.pass(60_000);

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    expect(await deactivate(server, { activationToken: token, reason: 'Second' })).toMatchObject(
      ended('First'),
    );
    expect(await deactivate(server, { activationId: id }, shop.admin)).toMatchObject(ended('First'));
  });

  expect(events).toEqual([]);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
});

test('twenty at once free one seat and write one event', async () => {
  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0
          ? deactivate(server, { activationToken: token })
          : deactivate(server, { activationId: id }, shop.admin),
      ),
    );
    for (const answer of answers) expect(answer).toMatchObject(ended(null));
  });

  expect(events.map(({ type }) => type)).toEqual(['activation.deactivated']);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
});

describe('by its id', () => {
  test('who holds the permission ends it', async () => {
    const answer = await deactivate(
      server,
      { activationId: id },
      bearer({ permissions: ['activation.deactivate', 'activation.read'] }),
    );

    expect(answer).toMatchObject(ended(null));
  });

  test("a customer ends the devices of its own licenses, and finds no other's", async () => {
    const other = await createCustomer(server, shop.admin, 'Bo');

    const error = await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
      deactivate(server, { activationId: id }, bearer({ roles: ['customer'], customer_id: other })),
    );
    const own = await deactivate(
      server,
      { activationId: id },
      bearer({ roles: ['customer'], customer_id: shop.customerId }),
    );

    expect(error.message).toBe(`There is no activation ${id}.`);
    expect(own).toMatchObject(ended(null));
  });

  test('nobody, and callers without the permission, end nothing', async () => {
    await refused(server, shop.admin, 'UNAUTHENTICATED', () => deactivate(server, { activationId: id }));
    const error = await refused(server, shop.admin, 'FORBIDDEN', () =>
      deactivate(server, { activationId: id }, bearer({ roles: ['auditor'] })),
    );

    expect(error.extensions.permission).toBe('activation.deactivate');
  });

  test('what belongs to another tenant answers as what does not exist', async () => {
    const elsewhere = await server.tenant();
    const nowhere = randomUUID();

    const foreign = await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
      deactivate(server, { activationId: id }, elsewhere),
    );
    const missing = await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
      deactivate(server, { activationId: nowhere }, shop.admin),
    );

    expect(foreign.message.replace(id, '')).toBe(missing.message.replace(nowhere, ''));
    expect(foreign.extensions).toEqual({ code: 'ACTIVATION_NOT_FOUND', id });
  });
});

test('a caller without the permission ends what it has the token of', async () => {
  expect(await deactivate(server, { activationToken: token }, bearer({ roles: ['manager'] }))).toMatchObject(
    ended(null),
  );
});

test('a token of another tenant, or of nobody, ends nothing', async () => {
  const elsewhere = await server.tenant();

  await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
    deactivate(server, { activationToken: token }, elsewhere),
  );
  await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
    deactivate(server, { activationToken: 'act_nobody' }),
  );
});

test.each([
  ['activationId', () => ({})],
  ['activationId', () => ({ activationId: null, activationToken: null })],
  ['activationId', () => ({ activationId: id, activationToken: token })],
  ['activationId', () => ({ activationId: 'not-an-id' })],
  ['activationToken', () => ({ activationToken: 'x'.repeat(201) })],
  ['reason', () => ({ activationToken: token, reason: '\ud800' })],
  ['reason', () => ({ activationToken: token, reason: 'x'.repeat(2001) })],
])('an input that does not fit names its field: %s', async (field, input) => {
  const error = await refused(server, shop.admin, 'INVALID_INPUT', () => deactivate(server, input()));

  expect(error.extensions.fields?.map((problem) => problem.field)).toEqual([`input.${field}`]);
});

test('a seat is given up also while the license is suspended', async () => {
  await actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'Unpaid' });

  expect(await deactivate(server, { activationToken: token })).toMatchObject(ended(null));
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
});

test('revocation ends every activation in its own transaction, each with its event', async () => {
  const events = await eventsDuring(server, shop.admin.tenant_id, () =>
    actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' }),
  );

  expect(events.map(({ type, data }) => [type, data.reason])).toEqual([
    ['license.revoked', 'Fraud'],
    ['activation.deactivated', 'License revoked'],
    ['activation.deactivated', 'License revoked'],
  ]);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
});

test('an activation and the revocation of its license at once leave no live device', async () => {
  const [revoked, ...claims] = await Promise.all([
    actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' }),
    ...['a', 'b', 'c', 'd'].map((device) =>
      server.graphql(
        'mutation ($input: ActivateLicenseInput!) { activateLicense(input: $input) { activation { id } } }',
        {
          input: { licenseKey: license.licenseKey, deviceFingerprint: device },
        },
      ),
    ),
  ]);

  expect(revoked.status).toBe('REVOKED');
  for (const { code } of claims)
    expect([undefined, 'LICENSE_REVOKED', 'ACTIVATION_LIMIT_EXCEEDED']).toContain(code);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
});

describe('a license of many devices', () => {
  /** So many copies of an activation, each a device of its own. */
  async function addDevices(count: number): Promise<void> {
    await server.sql`insert into license_activations
      (tenant_id, id, license_id, activation_token_hash, activation_token_hint, device_fingerprint,
       application_version, activated_at, created_at, updated_at)
      select tenant_id, gen_random_uuid(), license_id, gen_random_uuid()::text, 'hint', gen_random_uuid()::text,
        application_version, activated_at, created_at, updated_at
      from license_activations, generate_series(1, ${count}) where id = ${id}`;
  }

  async function statementsOf(act: string, input: object): Promise<number> {
    server.statements.length = 0;
    await actOn(server, shop.admin, act, { licenseId: license.id, ...input }, 'id');
    return server.statements.length;
  }

  test.each([
    ['revokeLicense', 'license.revoked', () => ({ reason: 'Fraud' })],
    [
      'transferLicense',
      'license.transferred',
      () => ({ newCustomerId: shop.customerId, newIssuedTo: 'Bo', transferReason: 'Sold' }),
    ],
  ])('is ended by %s in as many statements as one of few, with one event each', async (act, fact, input) => {
    await addDevices(1);
    const forThree = await statementsOf(act, input());
    license = await createLicense(server, shop, { customerId: shop.customerId, maxActivations: 3 });
    id = String((await activate(server, license.licenseKey, 'device-1')).activation?.id);
    await addDevices(199);
    const devices = await server.sql`select id from license_activations where license_id = ${license.id}`;

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      expect(await statementsOf(act, input())).toBe(forThree);
    });

    expect(events.map(({ type, subjectId }) => [type, subjectId])).toEqual([
      [fact, license.id],
      ...devices.map((row) => ['activation.deactivated', row.id]).toSorted(),
    ]);
    expect(await server.count('unsealed_events')).toBe(await server.count('license_event_logs'));
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
  });
});
