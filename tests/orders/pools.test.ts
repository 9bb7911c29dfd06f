import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import {
  actOn,
  eventsDuring,
  inRole,
  listIn,
  mutation,
  readLicense,
  refusedAct,
  refusedFields,
} from '../support/acts.js';
import { createCustomer } from '../support/fixtures.js';
import { allocate, type Channel, createPool, openChannel, poolNow } from '../support/pools.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let channel: Channel;
beforeAll(async () => {
  server = await startTestServer();
  channel = await openChannel(server);
});
afterAll(() => server.stop());

const licensesOf = (payload: Json | undefined) =>
  listIn<{ licenseKey: string; license: { id: string; issuedTo: string; status: string } }>(
    payload?.licenses,
  );

const allocation = (poolId: string, input: object = {}) => ({
  poolId,
  customerId: channel.customerId,
  ...input,
});

describe('allocateFromPool', () => {
  test('takes so many licenses with keys for a customer of the reseller, and counts them', async () => {
    const poolId = await createPool(server, channel, { size: 5 });

    const answer = await allocate(server, channel, poolId, { quantity: 3, issuedTo: 'Field team' });

    expect(answer.data?.allocateFromPool?.pool).toEqual({ allocated: 3, available: 2 });
    const made = licensesOf(answer.data?.allocateFromPool);
    expect(made.map(({ license }) => license.issuedTo)).toEqual(['Field team', 'Field team', 'Field team']);
    expect(new Set(made.map(({ licenseKey }) => licenseKey)).size).toBe(3);
    const [first] = made;
    const selection = 'reseller { id } customer { id } pool { id } status';
    expect(await readLicense(server, channel.admin, String(first?.license.id), selection)).toEqual({
      reseller: { id: channel.resellerId },
      customer: { id: channel.customerId },
      pool: { id: poolId },
      status: 'ACTIVE',
    });
  });

  test('one more than is left is refused, nothing of it is made, and the rest can be had', async () => {
    const poolId = await createPool(server, channel, { size: 4 });
    await allocate(server, channel, poolId, { quantity: 2 });

    const input = allocation(poolId, { quantity: 3 });
    const error = await refusedAct(
      server,
      channel.reseller,
      'allocateFromPool',
      input,
      'LICENSE_POOL_EXHAUSTED',
    );

    expect(error.extensions).toMatchObject({ available: 2, requested: 3 });
    expect(await poolNow(server, channel.reseller, poolId)).toMatchObject({ allocated: 2, available: 2 });
    const rest = await allocate(server, channel, poolId, { quantity: 2 });
    expect(rest.data?.allocateFromPool?.pool).toEqual({ allocated: 4, available: 0 });
  });

  test('a hundred who want one of the last fifty get exactly fifty', async () => {
    const poolId = await createPool(server, channel, { size: 50 });

    const answers = await Promise.all(Array.from({ length: 100 }, () => allocate(server, channel, poolId)));

    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(50);
    expect(answers.filter(({ code }) => code === 'LICENSE_POOL_EXHAUSTED')).toHaveLength(50);
    expect(await poolNow(server, channel.admin, poolId)).toMatchObject({ allocated: 50, available: 0 });
    expect(await server.count('pool_allocations', `pool_id = '${poolId}'`)).toBe(50);
  });

  test('a thousand take as many statements as one', async () => {
    const poolId = await createPool(server, channel, { size: 2_000 });
    const statementsOf = async (quantity: number): Promise<number> => {
      server.statements.length = 0;
      const query = mutation('allocateFromPool', 'pool { allocated }');
      await server.ok(query, { input: allocation(poolId, { quantity }) }, channel.reseller);
      return server.statements.length;
    };

    const one = await statementsOf(1);

    expect(await statementsOf(1_000)).toBe(one);
    expect(
      await refusedFields(
        server,
        channel.reseller,
        'allocateFromPool',
        allocation(poolId, { quantity: 1_001 }),
      ),
    ).toEqual(['input.quantity']);
  });

  test('is told with how much is left', async () => {
    const poolId = await createPool(server, channel, { size: 5 });

    const events = await eventsDuring(server, channel.admin.tenant_id, () =>
      allocate(server, channel, poolId, { quantity: 2 }),
    );

    expect(events.map(({ type }) => type)).toEqual(['license.created', 'license.created', 'pool.allocated']);
    expect(events[0]?.data).toMatchObject({ pool_id: poolId, customer_id: channel.customerId });
    expect(events[2]?.data).toEqual({ quantity: 2, customer_id: channel.customerId, allocated: 2, size: 5 });
  });

  test('is done once under one key, however often it is asked for', async () => {
    const poolId = await createPool(server, channel, { size: 50 });
    const query = mutation('allocateFromPool', 'pool { allocated } licenses { licenseKey }');
    const input = allocation(poolId, { quantity: 2 });
    const ask = () => server.ok(query, { input }, channel.reseller, { 'idempotency-key': `pool ${poolId}` });

    const answers = await Promise.all(Array.from({ length: 20 }, ask));

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await poolNow(server, channel.admin, poolId)).toMatchObject({ allocated: 2 });
  });

  test('licenses are what the template was when the pool was made, also when it is switched off', async () => {
    const own = await openChannel(server, { maxActivations: 7 });
    const poolId = await createPool(server, own);
    await server.ok(
      mutation('updateTemplate', 'template { id }'),
      { input: { templateId: own.templateId, maxActivations: 1, active: false } },
      own.admin,
    );

    const answer = await allocate(server, own, poolId);

    const [made] = licensesOf(answer.data?.allocateFromPool);
    const license = await readLicense(
      server,
      own.admin,
      String(made?.license.id),
      'maxActivations templateVersion',
    );
    expect(license).toEqual({ maxActivations: 7, templateVersion: 1 });
  });

  test('a pool that has ended gives nothing more', async () => {
    const expiresAt = addDays(server.now, 1);
    const poolId = await createPool(server, channel, { expiresAt });
    server.now = expiresAt;

    await refusedAct(
      server,
      channel.reseller,
      'allocateFromPool',
      allocation(poolId),
      'LICENSE_POOL_EXPIRED',
    );

    await actOnPool('updateLicensePool', { poolId, expiresAt: null });
    expect((await allocate(server, channel, poolId)).code).toBeUndefined();
  });
});

const actOnPool = (act: string, input: object): Promise<Json> =>
  server.ok(mutation(act, 'pool { id }'), { input }, channel.admin);

describe('who may', () => {
  test('a reseller takes for its own customers only; another is not there for it, nor for the pool', async () => {
    const poolId = await createPool(server, channel);
    const stranger = await createCustomer(server, channel.admin, 'Stranger');
    const input = allocation(poolId, { customerId: stranger });

    await refusedAct(server, channel.reseller, 'allocateFromPool', input, 'CUSTOMER_NOT_FOUND');

    expect(await refusedFields(server, channel.admin, 'allocateFromPool', input)).toEqual([
      'input.customerId',
    ]);
  });

  test('another reseller, another tenant and a customer find no pool', async () => {
    const poolId = await createPool(server, channel);
    const other = await createReseller(server, channel.admin, 'Red Channel');
    const others = [
      { ...channel.reseller, reseller_id: other },
      await server.tenant(),
      { tenant_id: channel.admin.tenant_id, roles: ['admin'], customer_id: channel.customerId } as const,
    ];

    for (const as of others) {
      const answer = await server.graphql(
        'query ($id: ID!) { licensePool(id: $id) { id } licensePools { totalCount } }',
        { id: poolId },
        as,
      );
      expect(answer.data).toEqual({ licensePool: null, licensePools: { totalCount: 0 } });
      await refusedAct(server, as, 'allocateFromPool', allocation(poolId), 'LICENSE_POOL_NOT_FOUND');
    }
  });

  test('resellers make and change no pools, whatever their tokens grant', async () => {
    const poolId = await createPool(server, channel);
    const made = { name: 'Mine', resellerId: channel.resellerId, templateId: channel.templateId, size: 9 };
    const granted = { ...channel.reseller, permissions: ['pool.create', 'pool.update'] };

    for (const as of [channel.reseller, granted, inRole(channel.admin, 'customer')]) {
      await refusedAct(server, as, 'createLicensePool', made, 'FORBIDDEN');
      await refusedAct(server, as, 'updateLicensePool', { poolId, size: 99 }, 'FORBIDDEN');
    }
  });

  test('a reseller or a customer that is switched off is sold nothing', async () => {
    const own = await openChannel(server);
    const poolId = await createPool(server, own);
    const input = { poolId, customerId: own.customerId };

    await server.sql`update customers set status = 'INACTIVE' where id = ${own.customerId}`;
    await refusedAct(server, own.reseller, 'allocateFromPool', input, 'CUSTOMER_INACTIVE');
    await server.sql`update resellers set status = 'INACTIVE' where id = ${own.resellerId}`;

    await refusedAct(server, own.reseller, 'allocateFromPool', input, 'RESELLER_INACTIVE');
  });
});

describe('a place comes back', () => {
  const revoke = (id: string) =>
    actOn(server, channel.admin, 'revokeLicense', { licenseId: id, reason: 'x' });

  async function oneOf(poolId: string): Promise<string> {
    const answer = await allocate(server, channel, poolId);
    return String(licensesOf(answer.data?.allocateFromPool)[0]?.license.id);
  }

  test('when its license is revoked, once, in the same transaction', async () => {
    const poolId = await createPool(server, channel, { size: 1 });
    const id = await oneOf(poolId);

    const events = await eventsDuring(server, channel.admin.tenant_id, () => revoke(id));
    await refusedAct(
      server,
      channel.admin,
      'revokeLicense',
      { licenseId: id, reason: 'x' },
      'INVALID_TRANSITION',
    );

    expect(events.map(({ type }) => type)).toEqual(['license.revoked', 'pool.returned']);
    expect(events[1]).toMatchObject({ subjectId: poolId, licenseId: id, data: { allocated: 0, size: 1 } });
    expect(await poolNow(server, channel.admin, poolId)).toMatchObject({ allocated: 0, available: 1 });
    expect(await oneOf(poolId)).not.toBe(id);
  });

  test('of twenty who revoke at once one gives back one place', async () => {
    const poolId = await createPool(server, channel, { size: 3 });
    const [id] = [await oneOf(poolId), await oneOf(poolId)];

    await Promise.all(
      Array.from({ length: 20 }, () =>
        server.graphql(
          mutation('revokeLicense', 'license { id }'),
          { input: { licenseId: id, reason: 'x' } },
          channel.admin,
        ),
      ),
    );

    expect(await poolNow(server, channel.admin, poolId)).toMatchObject({ allocated: 1, available: 2 });
  });

  test('not where the pool keeps its places, nor for a license of no pool', async () => {
    const poolId = await createPool(server, channel, { size: 1, returnsOnRevoke: false });
    const id = await oneOf(poolId);

    const events = await eventsDuring(server, channel.admin.tenant_id, () => revoke(id));

    expect(events.map(({ type }) => type)).toEqual(['license.revoked']);
    expect(await poolNow(server, channel.admin, poolId)).toMatchObject({ allocated: 1, available: 0 });
  });

  test('suspension keeps the place', async () => {
    const poolId = await createPool(server, channel, { size: 1 });
    await actOn(server, channel.admin, 'suspendLicense', { licenseId: await oneOf(poolId), reason: 'x' });

    expect(await poolNow(server, channel.admin, poolId)).toMatchObject({ allocated: 1, available: 0 });
  });
});

describe('createLicensePool and updateLicensePool', () => {
  test('a pool is told as it was made, and what was changed of it', async () => {
    const { tenant_id } = channel.admin;
    const ids: string[] = [];

    const made = await eventsDuring(server, tenant_id, async () =>
      ids.push(await createPool(server, channel)),
    );
    const [poolId = ''] = ids;
    const changed = await eventsDuring(server, tenant_id, () =>
      actOnPool('updateLicensePool', { poolId, size: 60, name: 'Summer' }),
    );

    const { resellerId: reseller_id, templateId: template_id } = channel;
    expect(made).toMatchObject([
      {
        type: 'pool.created',
        subjectId: poolId,
        data: { reseller_id, template_id, size: 50, order_id: null },
      },
    ]);
    expect(changed).toMatchObject([{ type: 'pool.updated', data: { changed: ['name', 'size'] } }]);
  });

  test('a pool is never smaller than what is taken from it', async () => {
    const poolId = await createPool(server, channel, { size: 5 });
    await allocate(server, channel, poolId, { quantity: 3 });

    expect(await refusedFields(server, channel.admin, 'updateLicensePool', { poolId, size: 2 })).toEqual([
      'input.size',
    ]);

    await actOnPool('updateLicensePool', { poolId, size: 3 });
    expect(await poolNow(server, channel.admin, poolId)).toMatchObject({ size: 3, available: 0 });
  });

  test('unknown parties and templates, templates that are switched off, and an end that is past are refused', async () => {
    const own = await openChannel(server);
    const there = await openChannel(server);
    const input = { name: 'x', resellerId: own.resellerId, templateId: own.templateId, size: 1 };

    for (const [changes, code] of [
      [{ resellerId: there.resellerId }, 'RESELLER_NOT_FOUND'],
      [{ templateId: there.templateId }, 'TEMPLATE_NOT_FOUND'],
      [{ size: 0 }, 'INVALID_INPUT'],
      [{ expiresAt: server.now }, 'INVALID_INPUT'],
    ] as const) {
      await refusedAct(server, own.admin, 'createLicensePool', { ...input, ...changes }, code);
    }
    await server.ok(
      mutation('updateTemplate', 'template { id }'),
      { input: { templateId: own.templateId, active: false } },
      own.admin,
    );
    await refusedAct(server, own.admin, 'createLicensePool', input, 'TEMPLATE_INACTIVE');
  });

  test('its allocations, its reseller and its template are edges, and lists are filtered', async () => {
    const own = await openChannel(server);
    const poolId = await createPool(server, own);
    await allocate(server, own, poolId, { quantity: 2 });

    const data = await server.ok(
      `query ($resellerId: ID!) {
        licensePools(filter: { resellerId: $resellerId }) { totalCount nodes { id reseller { name } template { id }
          order { id } allocations { totalCount nodes { allocatedAt returnedAt license { status } } } } }
        reseller(id: $resellerId) { licensePools { nodes { id } } } }`,
      { resellerId: own.resellerId },
      own.reseller,
    );

    const taken = { allocatedAt: server.now, returnedAt: null, license: { status: 'ACTIVE' } };
    expect(data.licensePools).toEqual({
      totalCount: 1,
      nodes: [
        {
          id: poolId,
          reseller: { name: 'Blue Channel' },
          template: { id: own.templateId },
          order: null,
          allocations: { totalCount: 2, nodes: [taken, taken] },
        },
      ],
    });
    expect(data.reseller?.licensePools).toEqual({ nodes: [{ id: poolId }] });
  });
});
