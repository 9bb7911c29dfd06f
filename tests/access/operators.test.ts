import { afterAll, beforeAll, expect, test } from 'vitest';
import { roles } from '../../src/access/permissions.js';
import { tenantsPage } from '../../src/access/queries.js';
import type { UserActor } from '../../src/core/actor.js';
import type { CustomerId, TenantId } from '../../src/core/id.js';
import { Operation } from '../../src/server/operation/operation.js';
import { listIn } from '../support/acts.js';
import { issueLicense, openShop } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let home: Claims;
let operator: Claims;
beforeAll(async () => {
  server = await startTestServer();
  home = await server.tenant('b-home');
  for (const id of ['a-first', 'c-third', 'd-100%']) await server.tenant(id);
  operator = { tenant_id: home.tenant_id, roles: ['operator'], sub: 'olga' };
});
afterAll(() => server.stop());

const query = `query ($first: Int! = 20, $after: String, $filter: TenantFilter) {
  tenants(first: $first, after: $after, filter: $filter) {
    nodes { id name createdAt updatedAt } totalCount pageInfo { hasNextPage endCursor } } }`;

async function listed(as: Claims, variables: object = {}) {
  const { tenants } = await server.ok(query, variables, as);
  const ids = listIn<{ id: string }>(tenants?.nodes).map(({ id }) => id);
  return { ids, count: tenants?.totalCount, cursor: tenants?.pageInfo?.endCursor };
}

test('an operator sees every tenant, by name and a page at a time', async () => {
  const all = ['a-first', 'b-home', 'c-third', 'd-100%'];

  const first = await listed(operator, { first: 3 });
  const second = await listed(operator, { first: 3, after: first.cursor });

  expect([first.ids, second.ids]).toEqual([all.slice(0, 3), all.slice(3)]);
  expect(first.count).toBe(4);
});

test('an operator finds tenants by name or code', async () => {
  expect((await listed(operator, { filter: { search: '100%' } })).ids).toEqual(['d-100%']);
  expect((await listed(operator, { filter: { search: '%' } })).ids).toEqual(['d-100%']);
  expect((await listed(operator, { filter: { search: 'nobody' } })).ids).toEqual([]);
});

test('an operator sees nothing in another tenant, and its own as its other roles let it', async () => {
  const shop = await openShop(server);
  const { id } = await issueLicense(server, shop);
  const both: Claims = { ...operator, roles: ['operator', 'admin'] };

  const data = await server.ok(
    `query ($id: ID!) { license(id: $id) { id } licenses { nodes { id } } events { nodes { subjectId } }
      viewer { tenant { id } } tenants { totalCount } }`,
    { id },
    both,
  );

  expect(data).toMatchObject({
    license: null,
    licenses: { nodes: [] },
    events: { nodes: [] },
    viewer: { tenant: { id: 'b-home' } },
    tenants: { totalCount: 5 },
  });
});

test.each(Object.keys(roles).filter((role) => role !== 'operator'))(
  'the role %s does not hold what stands above the tenants',
  (role) => {
    expect(roles[role as keyof typeof roles]).not.toContain('tenant.list');
  },
);

test('an administrator sees no list of tenants', async () => {
  const answer = await server.graphql(query, {}, home);

  expect(answer.errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', permission: 'tenant.list' });
  expect(answer.data).toBe(null);
});

test.each<[string, Partial<UserActor>]>([
  ['of a customer', { customerId: '019a0000-0000-7000-8000-000000000000' as CustomerId }],
  [
    'of an API key',
    { apiKeyId: '019a0000-0000-7000-8000-000000000000' as NonNullable<UserActor['apiKeyId']> },
  ],
  ['of nobody special, without the permission', { permissions: new Set(['viewer.read']) }],
])('a caller %s is shown its own tenant alone, even past every other guard', async (_what, change) => {
  const actor: UserActor = {
    kind: 'user',
    subject: 'mallory',
    tenantId: home.tenant_id as TenantId,
    permissions: new Set(['tenant.list']),
    expiresAt: null,
    ...change,
  };
  const operation = new Operation(server.machinery, { actor, requestId: 'test', address: undefined });

  const page = await operation.ask((reading) => tenantsPage(reading, {}, { first: 100 }));
  await operation.finish();

  expect(page.rows.map(({ id }) => id)).toEqual(['b-home']);
});
