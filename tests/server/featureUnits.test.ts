import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grantToTenant } from '../support/fixtures.js';
import {
  askAnalytics,
  type FeatureShop,
  openFeatureShop,
  refusalsByPath,
  unitsUsed,
} from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const missing = '00000000-0000-7000-8000-000000000000';
const analytics = 'advancedAnalytics { operatingSystems { name } }';

async function shopWith(limitValue: number): Promise<FeatureShop & { id: string }> {
  const shop = await openFeatureShop(server);
  const features = [{ featureId: 'analytics_advanced', limitValue }, { featureId: 'bulk_export' }];
  const { id } = await grantToTenant(server, shop, features);
  return { ...shop, id };
}

/** What is looked at to find out who is granted something: emergency codes are. */
const LOOKED_AT = 'tenant_id, id, license_id, activation_type, status, expires_at';

/** Runs while the server's role lacks a right on a table: the resolver that needs it fails for real. */
async function without<Result>(right: string, table: string, run: () => Promise<Result>): Promise<Result> {
  await server.sql.unsafe(`revoke ${right} on ${table} from lg_app, lg_worker`);
  if (table === 'license_activations')
    await server.sql.unsafe(`grant select (${LOOKED_AT}) on ${table} to lg_app, lg_worker`);
  return run().finally(() => server.sql.unsafe(`grant ${right} on ${table} to lg_app, lg_worker`));
}

describe('units return when the marked resolver throws', () => {
  test('in a query, and the plain fields answer', async () => {
    const shop = await shopWith(5);

    const answer = await without('select', 'license_activations', () =>
      askAnalytics(server, shop.admin, shop.id),
    );

    expect(refusalsByPath(answer)).toEqual({ 'license.advancedAnalytics': 'INTERNAL_SERVER_ERROR' });
    expect(answer.data).toEqual({ license: { id: shop.id, advancedAnalytics: null } });
    expect(await unitsUsed(server, shop.tenantId)).toEqual({});
  });

  test('in the payload of a mutation, whose act stays', async () => {
    const shop = await shopWith(5);
    const mutation = `mutation { updateLicense(input: { licenseId: "${shop.id}", issuedTo: "Bola" }) {
      license { issuedTo ${analytics} } } }`;

    const answer = await without('select', 'license_activations', () =>
      server.graphql(mutation, {}, shop.admin),
    );

    expect(refusalsByPath(answer)).toEqual({
      'updateLicense.license.advancedAnalytics': 'INTERNAL_SERVER_ERROR',
    });
    expect(answer.data?.updateLicense?.license).toEqual({ issuedTo: 'Bola', advancedAnalytics: null });
    expect(await unitsUsed(server, shop.tenantId)).toEqual({});
  });
});

describe('an outage of the meters', () => {
  test('fails the operation, grants nothing, says nothing of itself, and keeps no connection', async () => {
    const shop = await shopWith(5);

    const answers = await without('insert', 'feature_usage', () =>
      Promise.all(Array.from({ length: 20 }, () => askAnalytics(server, shop.admin, shop.id))),
    );
    const after = await askAnalytics(server, shop.admin, shop.id);

    for (const answer of answers) {
      expect([answer.status, answer.data]).toEqual([500, null]);
      expect(answer.errors).toEqual([
        {
          message: 'Something went wrong on our side.',
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        },
      ]);
    }
    expect(after.errors).toEqual([]);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1 });
  });

  test('that only hits the return leaves the answer alone, the unit charged and a line in the log', async () => {
    const shop = await shopWith(5);
    await server.sql.unsafe(`create function no_return() returns trigger language plpgsql as $$ begin
      if new.used < old.used then raise 'no unit returns today'; end if; return new; end $$`);
    await server.sql`create trigger no_return before update on feature_usage for each row execute function no_return()`;

    const answer = await askAnalytics(server, shop.admin, missing);
    await server.sql`drop function no_return cascade`;

    expect([answer.status, answer.errors, answer.data]).toEqual([200, [], { license: null }]);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1 });
    expect(server.logged.filter((line) => line.includes('units could not be returned'))).toHaveLength(1);
  });
});

test('an operation that fails as a whole returns its units and lets go of its connections', async () => {
  const shop = await shopWith(100);
  // The list is not nullable, so its refusal erases the answer while the others are still being read.
  const query = `query ($id: ID!) { licenses(first: 0) { nodes { id } }
    license(id: $id) { ${analytics} product { id } activations { nodes { license { activations { nodes { id } } } } } } }`;

  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => server.graphql(query, { id: shop.id }, shop.admin)),
    );
    expect(answers.map((answer) => answer.code)).toEqual(Array.from({ length: 10 }, () => 'INVALID_INPUT'));
  }

  const [idle] = await server.sql`select count(*)::int as count from pg_stat_activity
    where datname = current_database() and application_name like 'licensegraph%' and state like 'idle in transaction%'`;
  expect(idle?.count).toBe(0);
  expect((await askAnalytics(server, shop.admin, shop.id)).errors).toEqual([]);
});
