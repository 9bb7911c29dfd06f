import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct } from '../support/acts.js';
import { createApiKey, holding, keysSeenBy, revokeApiKey } from '../support/apiKeys.js';
import { createCustomer } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

async function rowOf(id: string) {
  const [row] = await server.sql`select * from api_keys where id = ${id}`;
  return row;
}

describe('who is bound to a party', () => {
  async function parties() {
    const admin = await server.tenant();
    const { tenant_id } = admin;
    const [resellerId, customerId, otherId] = [
      await createReseller(server, admin),
      await createCustomer(server, admin),
      await createCustomer(server, admin, 'Other'),
    ];
    await server.sql`update customers set reseller_id = ${resellerId} where tenant_id = ${tenant_id} and id = ${customerId}`;
    const customer = holding(admin, ['license.read', 'viewer.read'], { customer_id: customerId });
    const reseller = holding(admin, ['license.read', 'viewer.read'], { reseller_id: resellerId });
    return { admin, customer, reseller, customerId, resellerId, otherId };
  }

  test('makes keys of that party, whether it names it or not', async () => {
    const { customer, reseller, customerId, resellerId } = await parties();

    const made = [
      await createApiKey(server, customer),
      await createApiKey(server, customer, { customerId }),
      await createApiKey(server, reseller),
      await createApiKey(server, reseller, { customerId }),
    ];

    const rows = await Promise.all(made.map(({ id }) => rowOf(id)));
    expect(rows.map((row) => [row?.customer_id, row?.reseller_id])).toEqual([
      [customerId, null],
      [customerId, null],
      [null, resellerId],
      [customerId, resellerId],
    ]);
  });

  test('makes none of another', async () => {
    const { customer, reseller, otherId } = await parties();
    const input = { name: 'x', permissions: ['license.read'] };

    await refusedAct(
      server,
      customer,
      'createApiKey',
      { ...input, customerId: otherId },
      'CUSTOMER_NOT_FOUND',
    );
    await refusedAct(
      server,
      reseller,
      'createApiKey',
      { ...input, customerId: otherId },
      'CUSTOMER_NOT_FOUND',
    );
    await refusedAct(
      server,
      reseller,
      'createApiKey',
      { ...input, resellerId: randomUUID() },
      'RESELLER_NOT_FOUND',
    );
  });

  test('sees and revokes the keys of that party alone', async () => {
    const { admin, customer, reseller, customerId, resellerId, otherId } = await parties();
    const whole = await createApiKey(server, admin);
    const own = await createApiKey(server, admin, { customerId });
    const sold = await createApiKey(server, admin, { resellerId });
    const others = await createApiKey(server, admin, { customerId: otherId });
    const seen = async (as: Claims) => (await keysSeenBy(server, as)).map(({ id }) => id);

    expect(await seen(customer)).toEqual([own.id]);
    expect(await seen(reseller)).toEqual([sold.id]);
    expect((await seen(admin)).toSorted()).toEqual([whole.id, own.id, sold.id, others.id].toSorted());
    for (const hidden of [whole, sold, others])
      await refusedAct(server, customer, 'revokeApiKey', { apiKeyId: hidden.id }, 'API_KEY_NOT_FOUND');
    expect((await revokeApiKey(server, customer, own.id)).data).toMatchObject({
      revokeApiKey: { apiKey: { status: 'REVOKED' } },
    });
  });
});

describe('a key that makes keys', () => {
  const making = ['api_key.create', 'api_key.read', 'license.read'];

  test('grants what it holds itself, and no more', async () => {
    const admin = await server.tenant();
    const { secret } = await createApiKey(server, admin, { permissions: making });

    const child = await createApiKey(server, secret, { permissions: ['license.read'] });
    const more = await server.graphql(
      mutation('createApiKey', '__typename'),
      { input: { name: 'x', permissions: ['license.revoke'] } },
      secret,
    );

    expect(more.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permissions: ['license.revoke'] });
    expect((await rowOf(child.id))?.created_by).toMatch(/^api_key:/);
  });

  test('makes none that outlives it', async () => {
    const admin = await server.tenant();
    const end = '2026-04-01T00:00:00.000Z';
    const { id, secret } = await createApiKey(server, admin, { permissions: making, expiresAt: end });
    const input = { name: 'x', permissions: ['license.read'] };

    await createApiKey(server, secret, { permissions: ['license.read'] });
    const later = await server.graphql(
      mutation('createApiKey', '__typename'),
      { input: { ...input, expiresAt: '2026-04-01T00:00:01Z' } },
      secret,
    );

    const [child] = await keysSeenBy(server, admin, { createdBy: `api_key:${id}` }, 'expiresAt');
    expect(child).toEqual({ expiresAt: end });
    expect(later.errors[0]?.extensions.fields?.map(({ field }) => field)).toEqual(['input.expiresAt']);
  });

  test('makes none once it is being revoked, and what it made before stays', async () => {
    const admin = await server.tenant();
    const { id, secret } = await createApiKey(server, admin, { permissions: making });
    const before = await createApiKey(server, secret, { permissions: ['license.read'] });
    const input = { name: 'late', permissions: ['license.read'] };
    const holder = await server.sql.reserve();
    await holder`begin`;
    await holder`update api_keys set revoked_at = now() where id = ${id}`;

    const late = server.graphql(mutation('createApiKey', '__typename'), { input }, secret);
    await expect
      .poll(() =>
        server.count(
          'pg_stat_activity',
          "datname = current_database() and wait_event_type = 'Lock' and query like '%for share%'",
        ),
      )
      .toBe(1);
    await holder`commit`;
    holder.release();

    expect((await late).code).toBe('API_KEY_REVOKED');
    expect(await server.count('api_keys', "name = 'late'")).toBe(0);
    expect((await server.graphql('{ licenses { totalCount } }', {}, before.secret)).code).toBe(undefined);
  });
});
