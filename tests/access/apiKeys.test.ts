import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API_KEY_LIMIT } from '../../src/access/model/apiKeys.js';
import { permissions, roles } from '../../src/access/permissions.js';
import { eventsDuring, listIn, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createApiKey, holding, keysSeenBy, revokeApiKey } from '../support/apiKeys.js';
import { createCustomer } from '../support/fixtures.js';
import { at, type Claims, startTestServer, type TestServer } from '../support/server.js';
import { contentOf, createReseller } from '../support/world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const all = Object.keys(permissions);

async function rowOf(id: string) {
  const [row] = await server.sql`select * from api_keys where id = ${id}`;
  return row;
}

describe('createApiKey', () => {
  test('shows the secret once, and keeps nothing of it but a hash and four characters', async () => {
    const admin = await server.tenant();
    const logged = server.logged.length;

    const { id, secret } = await createApiKey(server, admin);

    expect(secret).toMatch(/^lgk_[\w-]{43}$/);
    const [key] = await keysSeenBy(server, admin, {}, 'id keyHint name createdBy status lastUsedAt');
    expect(key).toEqual({
      id,
      keyHint: secret.slice(-4),
      name: 'Nightly export',
      createdBy: 'tester',
      status: 'ACTIVE',
      lastUsedAt: null,
    });
    const [dump] = await server.sql`select (select string_agg(k::text, '') from api_keys k)
      || (select string_agg(d::text, '') from key_directory d) || (select string_agg(e::text, '') from license_event_logs e) as text`;
    expect(String(dump?.text)).not.toContain(secret.slice(4, -4));
    expect(server.logged.slice(logged).join('')).not.toContain(secret.slice(4, -4));
    expect((await rowOf(id))?.key_hash).toMatch(/^k1\.[\w-]{43}$/);
  });

  test('writes one event, which says what the key may do and for whom', async () => {
    const admin = await server.tenant();
    const customerId = await createCustomer(server, admin);
    const input = { roles: ['customer'], permissions: ['event.read'], customerId };

    const events = await eventsDuring(server, admin.tenant_id, () => createApiKey(server, admin, input));

    expect(events).toMatchObject([
      {
        type: 'api_key.created',
        actor: 'tester',
        data: {
          roles: ['customer'],
          permissions: ['event.read'],
          customer_id: customerId,
          reseller_id: null,
          expires_at: null,
        },
      },
    ]);
  });

  test.each<[string, object, string[]]>([
    ['no role and no permission', { permissions: [] }, ['input.roles']],
    ['a role that is none', { roles: ['admin', 'root'] }, ['input.roles.1']],
    ['a role that every object has', { roles: ['__proto__'] }, ['input.roles.0']],
    ['a permission that is none', { permissions: ['license.*', 'license.read'] }, ['input.permissions.0']],
    ['a role twice', { roles: ['auditor', 'auditor'] }, ['input.roles.1']],
    ['a permission twice', { permissions: ['order.read', 'order.read'] }, ['input.permissions.1']],
    ['the role of an operator', { roles: ['operator'] }, ['input.roles']],
    ['the permission of an operator', { permissions: ['tenant.list'] }, ['input.permissions']],
    ['that of one who runs jobs', { permissions: ['job.run'] }, ['input.permissions']],
    ['the role of a customer without one', { roles: ['customer'] }, ['input.customerId']],
    ['the role of a reseller without one', { roles: ['reseller'] }, ['input.resellerId']],
    ['an end in the past', { expiresAt: '2026-03-01T11:59:59Z' }, ['input.expiresAt']],
    ['an end that is now', { expiresAt: '2026-03-01T12:00:00Z' }, ['input.expiresAt']],
    ['an empty name', { name: ' ' }, ['input.name']],
    ['too many roles', { roles: Array(21).fill('admin') }, ['input.roles']],
    ['too many permissions', { permissions: Array(101).fill('order.read') }, ['input.permissions']],
    ['a customer that is no id', { customerId: 'C-1001' }, ['input.customerId']],
  ])('refuses %s by its field', async (_what, change, fields) => {
    const admin = await server.tenant();
    const input = { name: 'Export', permissions: ['license.read'], ...change };

    expect(await refusedFields(server, admin, 'createApiKey', input)).toEqual(fields);
  });

  test('names the word that is none', async () => {
    const admin = await server.tenant();
    const input = { name: 'Export', roles: ['superuser'] };

    const error = await refusedAct(server, admin, 'createApiKey', input, 'INVALID_INPUT');

    expect(error.extensions.fields).toEqual([
      { field: 'input.roles.0', message: "there is no role 'superuser'" },
    ]);
  });

  test.each<[string, readonly string[], object, string[]]>([
    ['a single permission', ['license.read'], { permissions: ['license.revoke'] }, ['license.revoke']],
    [
      'a role of which one lacks one permission',
      roles.auditor.filter((permission) => permission !== 'license.export'),
      { roles: ['auditor'] },
      ['license.export'],
    ],
  ])('refuses to grant %s that the maker does not hold', async (_what, held, change, missing) => {
    const maker = holding(await server.tenant(), held);

    const error = await refusedAct(server, maker, 'createApiKey', { name: 'x', ...change }, 'FORBIDDEN');

    expect(error.extensions.permissions).toEqual(missing);
  });

  test('a manager makes no key of an administrator', async () => {
    const { tenant_id } = await server.tenant();
    const manager: Claims = { tenant_id, roles: ['manager'] };

    const error = await refusedAct(
      server,
      manager,
      'createApiKey',
      { name: 'x', roles: ['admin'] },
      'FORBIDDEN',
    );

    expect(error.extensions.permissions).toEqual(['license.import']);
    expect((await createApiKey(server, manager, { roles: ['manager'] })).secret).toMatch(/^lgk_/);
  });

  test('an administrator grants every role that is a tenant’s, and every permission', async () => {
    const admin = await server.tenant();
    const above = [
      'tenant.list',
      'job.list',
      'job.run',
      'unclaimed_webhook.list',
      'unclaimed_webhook.settle',
    ];
    const grantable = all.filter((permission) => !above.includes(permission));

    const { id } = await createApiKey(server, admin, { roles: ['admin'], permissions: grantable });

    const [key] = await keysSeenBy(server, admin, {}, 'id grants');
    expect(key).toEqual({ id, grants: grantable.toSorted() });
  });

  test.each([
    ['customer', createCustomer, 'updateCustomer', 'CUSTOMER_NOT_FOUND', 'CUSTOMER_INACTIVE'],
    ['reseller', createReseller, 'updateReseller', 'RESELLER_NOT_FOUND', 'RESELLER_INACTIVE'],
  ] as const)('refuses a %s that is not there, or is switched off', async (noun, make, act, absent, off) => {
    const admin = await server.tenant();
    const field = `${noun}Id`;
    const id = await make(server, admin);
    await server.ok(mutation(act, '__typename'), { input: { [field]: id, status: 'INACTIVE' } }, admin);
    const input = { name: 'x', permissions: ['license.read'] };

    await refusedAct(server, admin, 'createApiKey', { ...input, [field]: randomUUID() }, absent);
    await refusedAct(server, admin, 'createApiKey', { ...input, [field]: id }, off);
  });

  test('of many who make keys at once exactly as many succeed as there is room for', async () => {
    const admin = await server.tenant();
    await server.sql`insert into api_keys (tenant_id, id, name, key_hash, key_hint, created_by, expires_at, revoked_at, created_at, updated_at)
      select ${admin.tenant_id}, gen_random_uuid(), 'old', 'k1.' || n, 'abcd', 'x',
        case when n % 3 = 0 then ${server.now}::timestamptz end, case when n % 3 = 1 then now() end, now(), now()
      from generate_series(1, ${(API_KEY_LIMIT - 3) * 3}) n`;
    const input = { name: 'x', permissions: ['license.read'] };

    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        server.graphql(mutation('createApiKey', 'apiKey { id }'), { input }, admin),
      ),
    );

    const codes = answers.map(({ code }) => code ?? 'made').toSorted();
    expect(codes).toEqual([...Array(17).fill('API_KEY_LIMIT_EXCEEDED'), ...Array(3).fill('made')]);
    const [one] = await keysSeenBy(server, admin, { status: 'ACTIVE', search: 'x' });
    await revokeApiKey(server, admin, String(one?.id));
    expect((await createApiKey(server, admin)).secret).toMatch(/^lgk_/);
  });
});

describe('revokeApiKey', () => {
  test('is told by one event, and once', async () => {
    const admin = await server.tenant();
    const { id } = await createApiKey(server, admin);

    const events = await eventsDuring(server, admin.tenant_id, async () => {
      await revokeApiKey(server, admin, id);
      await revokeApiKey(server, admin, id);
    });

    expect(events.map(({ type, subjectId }) => [type, subjectId])).toEqual([['api_key.revoked', id]]);
    const [key] = await keysSeenBy(server, admin, {}, 'status revokedAt events { nodes { type } }');
    expect(key).toEqual({
      status: 'REVOKED',
      revokedAt: server.now,
      events: { nodes: [{ type: 'api_key.revoked' }, { type: 'api_key.created' }] },
    });
  });

  test('refuses a key of another tenant as one that is not there', async () => {
    const [admin, stranger] = [await server.tenant(), await server.tenant()];
    const { id } = await createApiKey(server, admin);

    await refusedAct(server, stranger, 'revokeApiKey', { apiKeyId: id }, 'API_KEY_NOT_FOUND');
    await refusedAct(server, stranger, 'revokeApiKey', { apiKeyId: randomUUID() }, 'API_KEY_NOT_FOUND');
  });
});

test('keys are found by status, party, maker and name, and come in the order asked for', async () => {
  const admin = await server.tenant();
  const customerId = await createCustomer(server, admin);
  const b = await createApiKey(server, admin, { name: 'Beta 100%' });
  const a = await createApiKey(server, admin, { name: 'alpha', customerId });
  const over = await createApiKey(server, admin, { name: 'Over', expiresAt: '2026-03-01T12:00:30Z' });
  const gone = await createApiKey(server, { ...admin, sub: 'grace' }, { name: 'Gone' });
  await revokeApiKey(server, admin, gone.id);
  server.now = at('2026-03-01T12:01:00Z');
  const found = async (filter: object, sort?: object): Promise<unknown[]> => {
    const query = `query ($filter: ApiKeyFilter, $sort: ApiKeySort) {
      apiKeys(filter: $filter, sort: $sort) { nodes { id } totalCount } }`;
    const { apiKeys } = await server.ok(query, { filter, sort }, admin);
    return listIn<{ id: string }>(apiKeys?.nodes).map(({ id }) => id);
  };

  expect(await found({ status: 'ACTIVE' })).toEqual([a.id, b.id]);
  expect(await found({ status: 'EXPIRED' })).toEqual([over.id]);
  expect(await found({ status: 'REVOKED' })).toEqual([gone.id]);
  expect(await found({ customerId })).toEqual([a.id]);
  expect(await found({ createdBy: 'grace' })).toEqual([gone.id]);
  expect(await found({ search: '100%' })).toEqual([b.id]);
  expect(await found({}, { field: 'NAME' })).toEqual(expect.arrayContaining([a.id, b.id, over.id, gone.id]));
  expect(await found({ status: 'ACTIVE' }, { field: 'CREATED_AT', direction: 'ASC' })).toEqual([b.id, a.id]);
  expect(await found({}, { field: 'LAST_USED_AT', direction: 'DESC' })).toHaveLength(4);
});

test('whoever serves requests cannot change what a key may do', async () => {
  const admin = await server.tenant();
  const { id } = await createApiKey(server, admin);
  const before = await contentOf(server);
  const session = await server.machinery.pool.begin('write');
  session.setTenant(admin.tenant_id as never);

  const failed = await session.db
    .execute(`update api_keys set permissions = '["license.revoke"]' where id = '${id}'`)
    .then(
      () => 'changed',
      (error: Error) => (error.cause as { code?: string } | undefined)?.code,
    );
  await session.rollback();

  expect(failed).toBe('42501');
  expect(await contentOf(server)).toBe(before);
});
