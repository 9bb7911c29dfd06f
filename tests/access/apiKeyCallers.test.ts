import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keyRing } from '../../src/core/crypto.js';
import { tablesOf } from '../support/acts.js';
import { createApiKey, keysSeenBy, revokeApiKey } from '../support/apiKeys.js';
import { createCustomer, issueLicense, openShop } from '../support/fixtures.js';
import { keyed, storedAnswers } from '../support/replays.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let admin: Claims;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  server.now = START;
  admin = await server.tenant();
});
afterAll(() => server.stop());

const viewer = '{ viewer { kind subject apiKeyId customerId resellerId expiresAt permissions } }';

test('the caller is the key: a service with its own subject, scope and end', async () => {
  const customerId = await createCustomer(server, admin);
  const expiresAt = '2026-06-01T00:00:00.000Z';
  const made = await createApiKey(server, admin, {
    roles: ['customer'],
    permissions: [],
    customerId,
    expiresAt,
  });

  const data = await server.ok(viewer, {}, made.secret);

  expect(data.viewer).toMatchObject({
    kind: 'service',
    subject: `api_key:${made.id}`,
    apiKeyId: made.id,
    customerId,
    resellerId: null,
    expiresAt,
  });
});

test('a token’s bearer is told how it came as well', async () => {
  const data = await server.ok(viewer, {}, admin);

  expect(data.viewer).toMatchObject({
    kind: 'user',
    subject: 'tester',
    apiKeyId: null,
    expiresAt: '2026-03-01T13:00:00.000Z',
  });
});

test('a key sees the part of the tenant that it is bound to, and no other tenant', async () => {
  const shop = await openShop(server);
  const own = await issueLicense(server, shop);
  const other = await createCustomer(server, shop.admin, 'Other');
  await issueLicense(server, shop, { customerId: other });
  const { secret } = await createApiKey(server, shop.admin, { customerId: shop.customerId });
  const stranger = await createApiKey(server, admin);
  const query = '{ licenses { nodes { id } } }';

  expect(await server.ok(query, {}, secret)).toEqual({ licenses: { nodes: [{ id: own.id }] } });
  expect(await server.ok(query, {}, stranger.secret)).toEqual({ licenses: { nodes: [] } });
});

test('what it lacks is refused as to everybody', async () => {
  const { secret } = await createApiKey(server, admin);

  const answer = await server.graphql('{ customers { totalCount } }', {}, secret);

  expect(answer.errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', permission: 'customer.read' });
});

test('what it may do follows the table of roles, and never reaches above the tenant', async () => {
  const { id, secret } = await createApiKey(server, admin, { permissions: ['viewer.read'] });
  await server.sql`update api_keys set roles = '["auditor", "operator"]', permissions = '["tenant.list", "nonsense"]' where id = ${id}`;

  const data = await server.ok(viewer, {}, secret);
  const above = await server.graphql('{ tenants { nodes { id } } }', {}, secret);

  expect(data.viewer?.permissions).toContain('license.export');
  expect(data.viewer?.permissions).not.toContain('tenant.list');
  expect(above.code).toBe('FORBIDDEN');
});

test('its acts stand in the trail under its own name', async () => {
  const { id, secret } = await createApiKey(server, admin, { permissions: ['customer.create'] });

  const query = 'mutation { createCustomer(input: { name: "Ada" }) { customer { name } } }';
  await server.graphql(query, {}, secret);

  const where = `event_type = 'customer.created' and user_id = 'api_key:${id}'`;
  expect(await server.count('license_event_logs', where)).toBe(1);
});

test('its idempotency keys are its own', async () => {
  const query = 'mutation { createCustomer(input: { name: "Ada" }) { customer { id name } } }';
  const granted = { permissions: ['customer.create', 'customer.read'] };
  const [one, two] = [await createApiKey(server, admin, granted), await createApiKey(server, admin, granted)];
  const send = (as: string) => server.graphql(query, {}, as, keyed('same'));

  const [first, again, other] = [await send(one.secret), await send(one.secret), await send(two.secret)];

  expect([first.code, other.code]).toEqual([undefined, undefined]);
  expect(again.data).toEqual(first.data);
  expect(other.data).not.toEqual(first.data);
  expect((await storedAnswers(server, admin.tenant_id)).map(({ actor }) => actor).toSorted()).toEqual(
    [`service:api_key:${one.id}`, `service:api_key:${two.id}`].toSorted(),
  );
});

describe('a key is refused, with 401, its code and nothing written, that', () => {
  const secretOf = (length: number): string =>
    `lgk_${randomBytes(64).toString('base64url').slice(0, length)}`;
  async function revoked(): Promise<string> {
    const { id, secret } = await createApiKey(server, admin);
    await revokeApiKey(server, admin, id);
    return secret;
  }
  async function expired(): Promise<string> {
    const { secret } = await createApiKey(server, admin, { expiresAt: '2026-03-01T12:00:01Z' });
    server.pass(1000);
    return secret;
  }
  async function changed(change: (secret: string) => string): Promise<string> {
    return change((await createApiKey(server, admin)).secret);
  }

  test.each<[string, string, () => Promise<string> | string]>([
    ['nobody made', 'API_KEY_INVALID', () => secretOf(43)],
    ['is too short', 'API_KEY_INVALID', () => secretOf(42)],
    ['is too long', 'API_KEY_INVALID', () => secretOf(44)],
    ['is a prefix alone', 'API_KEY_INVALID', () => 'lgk_'],
    ['has SQL in it', 'API_KEY_INVALID', () => "lgk_'or'1'='1"],
    ['has a dot at its end', 'API_KEY_INVALID', () => changed((secret) => `${secret}.`)],
    [
      'is in other letters',
      'API_KEY_INVALID',
      () => changed((secret) => `lgk_${secret.slice(4).toUpperCase()}x`),
    ],
    ['has another last letter', 'API_KEY_INVALID', () => changed((secret) => `${secret.slice(0, -2)}!!`)],
    ['is the token of an activation', 'API_KEY_INVALID', () => `lgk_${'0'.repeat(43)}`],
    ['was revoked', 'API_KEY_REVOKED', revoked],
    ['has expired', 'API_KEY_EXPIRED', expired],
    ['begins with another prefix', 'TOKEN_INVALID', () => changed((secret) => secret.replace('lgk', 'LGK'))],
  ])('%s', async (_what, code, make) => {
    const secret = await make();
    const before = await tablesOf(server, admin.tenant_id);
    const logged = server.logged.length;

    const answer = await server.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
      payload: { query: viewer },
    });

    expect(answer.statusCode).toBe(401);
    expect(answer.json().errors[0].extensions).toEqual({ code });
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer error="invalid_token", error_description="The /,
    );
    expect(answer.body + server.logged.slice(logged).join('')).not.toContain(secret.slice(4) || 'nothing');
    await server.machinery.keyUses.drain();
    expect(await tablesOf(server, admin.tenant_id)).toEqual(before);
  });

  test('is the hash of one', async () => {
    const { id } = await createApiKey(server, admin);
    const [row] = await server.sql`select key_hash from api_keys where id = ${id}`;

    const digest = String(row?.key_hash).split('.')[1];
    expect((await server.graphql(viewer, {}, `lgk_${digest}`)).code).toBe('API_KEY_INVALID');
  });

  test('stands in the directory and belongs to another tenant’s row', async () => {
    const { id, secret } = await createApiKey(server, admin);
    const { tenant_id } = await server.tenant();
    await server.sql`update key_directory set tenant_id = ${tenant_id} where subject_id = ${id}`;

    expect((await server.graphql(viewer, {}, secret)).code).toBe('API_KEY_INVALID');
  });
});

test('whoever comes with a revoked key is written down once, under the key and without its secret', async () => {
  const { id, secret } = await createApiKey(server, admin);
  await revokeApiKey(server, admin, id);

  for (let tried = 0; tried < 3; tried += 1) await server.graphql(viewer, {}, secret);
  const recorded = () => server.sql`select user_id, event_data from license_event_logs
    where event_type = 'access.refused' and tenant_id = ${admin.tenant_id}`;
  await expect.poll(async () => (await recorded()).length).toBe(1);

  const [event] = await recorded();
  expect(event?.user_id).toBe(`api_key:${id}`);
  expect(event?.event_data).toEqual({ code: 'API_KEY_REVOKED', field: 'Authorization' });
});

test('keys that nobody made are counted by address, and those that open are not', async () => {
  const limited = await startTestServer({
    beside: server,
    environment: { LG_RATE_ADDRESS_PER_MINUTE: '3' },
  });
  const { secret } = await createApiKey(server, admin);
  const guess = () => limited.graphql(viewer, {}, `lgk_${randomBytes(32).toString('base64url')}`);

  const good = [];
  for (let sent = 0; sent < 5; sent += 1) good.push((await limited.graphql(viewer, {}, secret)).status);
  const guesses = [await guess(), await guess(), await guess(), await guess()];
  const after = await limited.graphql(viewer, {}, secret);
  await limited.stop();

  expect(good).toEqual(Array(5).fill(200));
  expect(guesses.map(({ status, code }) => [status, code])).toEqual([
    ...Array(3).fill([401, 'API_KEY_INVALID']),
    [429, 'RATE_LIMITED'],
  ]);
  expect(after.status).toBe(200);
});

test('a revoked key is refused from the next request on, on every server', async () => {
  const beside = await startTestServer({ beside: server });
  const { id, secret } = await createApiKey(server, admin);
  const before = await beside.graphql(viewer, {}, secret);

  await revokeApiKey(server, admin, id);
  const codes = [await server.graphql(viewer, {}, secret), await beside.graphql(viewer, {}, secret)];
  await beside.stop();

  expect(before.code).toBe(undefined);
  expect(codes.map(({ code }) => code)).toEqual(['API_KEY_REVOKED', 'API_KEY_REVOKED']);
});

test('keys that were made under an earlier pepper open as before', async () => {
  const { secret } = await createApiKey(server, admin);
  const newer = { id: 'k2', bytes: randomBytes(32) };
  const keys = { ...server.keys, peppers: [newer, ...server.keys.peppers] };

  const rotated = await startTestServer({ beside: server, keys });
  const answer = await rotated.graphql(viewer, {}, secret);
  await rotated.stop();

  expect(answer.code).toBe(undefined);
  expect(keyRing(keys).hash('API_KEY', secret)).toMatch(/^k2\./);
});

describe('when it was last used', () => {
  const lastUse = async (id: string): Promise<unknown> => {
    await server.machinery.keyUses.drain();
    const keys = await keysSeenBy(server, admin, {}, 'id lastUsedAt');
    return keys.find((key) => String(key.id) === id)?.lastUsedAt;
  };

  test('is noted at most once a minute, by one statement for many requests, and without an event', async () => {
    const { id, secret } = await createApiKey(server, admin);
    const events = () => server.count('license_event_logs', `tenant_id = '${admin.tenant_id}'`);
    const before = await events();
    server.statements.length = 0;

    await Promise.all(Array.from({ length: 30 }, () => server.graphql(viewer, {}, secret)));
    const first = await lastUse(id);
    server.pass(59_999);
    await server.graphql(viewer, {}, secret);
    const within = await lastUse(id);
    const written = server.statements.filter((text) => text.startsWith('update "api_keys"')).length;
    server.pass(1);
    await server.graphql(viewer, {}, secret);
    const after = await lastUse(id);

    expect([first, within, after]).toEqual([START, START, '2026-03-01T12:01:00.000Z']);
    expect(written).toBeLessThan(10);
    expect(await events()).toBe(before);
  });

  test('never goes back, whatever a server’s clock says', async () => {
    const { id, secret } = await createApiKey(server, admin);
    server.pass(600_000);
    await server.graphql(viewer, {}, secret);
    await lastUse(id);

    server.pass(-300_000);
    await server.graphql(viewer, {}, secret);

    expect(await lastUse(id)).toBe('2026-03-01T12:10:00.000Z');
  });

  test('delays no request and fails none, while somebody holds the key', async () => {
    const { id, secret } = await createApiKey(server, admin);
    const holder = await server.sql.reserve();
    await holder`begin`;
    await holder`select from api_keys where id = ${id} for update`;

    const answer = await server.graphql(viewer, {}, secret);
    const meanwhile = await lastUse(id);
    await holder`rollback`;
    holder.release();
    await server.graphql(viewer, {}, secret);

    expect([answer.code, meanwhile]).toEqual([undefined, null]);
    expect(await lastUse(id)).toBe(START);
  });

  test('is let go with a warning when it cannot be written', async () => {
    const { id, secret } = await createApiKey(server, admin);
    await server.sql`revoke update on api_keys from lg_app`;
    await server.sql`revoke update (last_used_at) on api_keys from lg_app`;
    const logged = server.logged.length;

    const answer = await server.graphql(viewer, {}, secret);
    const noted = await lastUse(id);
    await server.sql`grant update (revoked_at, last_used_at, updated_at) on api_keys to lg_app`;

    expect([answer.code, noted]).toEqual([undefined, null]);
    const warnings = server.logged.slice(logged).filter((line) => line.includes('"level":40'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain(secret.slice(4));
  });
});

test('an id of a key is no key', async () => {
  expect((await server.graphql(viewer, {}, `lgk_${randomUUID()}`)).code).toBe('API_KEY_INVALID');
});
