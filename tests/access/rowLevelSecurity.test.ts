import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/core/db.js';
import { revocationsOf, sign } from '../support/offline.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { openWorld, type World } from '../support/world.js';

/** Tables that are no tenant's, and why. Everything else has a tenant, and shows a tenant its own rows only. */
const noTenants: Readonly<Record<string, string>> = {
  tenants: 'the tenants themselves: each sees its own row',
  signing_keys: "are the deployment's; the private half is encrypted",
  rate_limits: 'are counted before a tenant is known',
  scheduled_jobs: 'run over all tenants; they hold counts',
  inbound_webhooks: 'have a tenant once their invoice is found; until then the worker and operators see them',
  inbound_bodies: 'are what those said, encrypted, and seen with them',
  key_directory: 'finds the tenant of a secret that arrives without one; it holds hashes only',
};

/** Columns that name something and have no foreign key, and why. */
const unbound: Readonly<Record<string, string>> = {
  'emergency_codes.activation_id': 'the archive may have it',
  'security_incidents.activation_id': 'the archive may have it',
  'license_event_logs.license_id': 'the trail outlives its subjects',
  'license_event_logs.activation_id': 'the trail outlives its subjects',
  'licenses.order_id': 'orders come later than licenses and refer to them',
  'license_orders.subscription_id': 'is the name in the payment processor',
  'usage_ledger.license_id': 'its counter is bound, and every line is written with it in one statement',
};

let server: TestServer;
let mine: World;
let theirs: World;
let tables: string[];
let connections: Readonly<Record<'lg_app' | 'lg_worker', postgres.Sql>>;

/** A transaction as one of the product's roles, with a tenant set or none, that leaves nothing behind. */
async function as<Result>(
  role: 'lg_app' | 'lg_worker',
  tenant: string | undefined,
  run: (sql: postgres.TransactionSql) => Promise<Result>,
): Promise<Result> {
  const undo = new Error('undone');
  const results: Result[] = [];
  const ended: unknown = await connections[role]
    .begin(async (transaction) => {
      if (tenant !== undefined) await transaction.unsafe(`set local app.tenant = '${tenant}'`);
      results.push(await run(transaction));
      throw undo;
    })
    .catch((error: unknown) => error);
  if (ended !== undo) throw ended;
  const [result] = results;
  if (result === undefined) throw new Error('nothing ran');
  return result;
}

/** What no act writes yet. */
async function fillTheRest({ admin, customerId, licenseId, orderId, requestCode }: World): Promise<void> {
  const tenant = admin.tenant_id;
  await sign(server, admin, requestCode);
  await revocationsOf(server, tenant);
  await server.sql`insert into feature_usage values (${tenant}, ${licenseId}, 'api_access', ${server.now}, 1, now())`;
  await server.sql`insert into order_renewals values (${tenant}, ${orderId}, ${licenseId}, null)`;
  await server.sql`insert into compliance_audits (tenant_id, id, audit_type, customer_id, audit_scope, auditor_id, audit_date, product_ids, created_at, updated_at)
    values (${tenant}, ${`audit ${tenant}`}, 'RANDOM', ${customerId}, 'FULL', 'eve', now(), '[]', now(), now())`;
  await server.sql`insert into compliance_violations (tenant_id, id, violation_type, severity, license_id, description, detected_at, created_at, updated_at)
    values (${tenant}, ${`violation ${tenant}`}, 'OVER_DEPLOYMENT', 'MAJOR', ${licenseId}, 'x', now(), now(), now())`;
}

beforeAll(async () => {
  server = await startTestServer();
  const connectAs = (role: string) => connect(server.url, { max: 1, connection: { role } });
  connections = { lg_app: connectAs('lg_app'), lg_worker: connectAs('lg_worker') };
  [mine, theirs] = [await openWorld(server), await openWorld(server)];
  await fillTheRest(mine);
  await fillTheRest(theirs);
  const rows = await server.sql`select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname`;
  tables = rows.map((row) => String(row.relname)).filter((name) => !(name in noTenants));
});
afterAll(async () => {
  for (const sql of Object.values(connections)) await sql.end();
  await server.stop();
});

async function countIn(sql: postgres.Sql | postgres.TransactionSql, table: string, where = 'true') {
  const [row] = await sql.unsafe(`select count(*)::int as count from ${table} where ${where}`);
  return Number(row?.count);
}

/** A row of a tenant, to be written by somebody else. */
async function rowOf(table: string, world: World): Promise<Record<string, unknown> | undefined> {
  const [row] = await server.sql.unsafe(
    `select to_jsonb(t) as row from ${table} t where tenant_id = '${world.admin.tenant_id}' limit 1`,
  );
  return row?.row;
}

const insertRow = (sql: postgres.TransactionSql, table: string, row: Record<string, unknown>) =>
  sql.unsafe(`insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`, [
    sql.json(row as postgres.JSONValue),
  ]);

const failureOf = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => 'nothing failed',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

const REFUSED = '42501';
const NO_SUCH_ROW = '23503';

describe('every tenant table', () => {
  test('has a tenant, row security, and row security for its owner too', async () => {
    const rows = await server.sql`select relname, relrowsecurity as enabled, relforcerowsecurity as forced,
        exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id' and attnotnull) as owned
      from pg_class c where relname = any(${tables}) and relnamespace = 'public'::regnamespace`;

    expect(rows.length).toBeGreaterThanOrEqual(11);
    for (const row of rows) expect(row).toMatchObject({ enabled: true, forced: true, owned: true });
  });

  test('holds something of both tenants here, as far as acts write it', async () => {
    const empty: string[] = [];
    for (const table of tables) {
      if ((await rowOf(table, mine)) === undefined) empty.push(table);
    }

    expect(tables.length - empty.length).toBeGreaterThanOrEqual(11);
  });

  test('shows nothing while no tenant is set', async () => {
    const seen = await as('lg_app', undefined, async (sql) => {
      const counts: number[] = [];
      for (const table of tables) counts.push(await countIn(sql, table));
      return counts;
    });

    expect(seen).toEqual(tables.map(() => 0));
  });

  test('shows a tenant its own rows, all of them, to a query that names no tenant', async () => {
    const tenant = mine.admin.tenant_id;
    for (const table of tables) {
      const own = await countIn(server.sql, table, `tenant_id = '${tenant}'`);

      const [all, strange] = await as('lg_app', tenant, async (sql) => [
        await countIn(sql, table),
        await countIn(sql, table, `tenant_id <> '${tenant}'`),
      ]);

      expect([table, all, strange]).toEqual([table, own, 0]);
    }
  });

  test('takes no row while no tenant is set, and none of another tenant', async () => {
    for (const table of tables) {
      const row = await rowOf(table, theirs);
      if (row === undefined) continue;

      const unset = await failureOf(as('lg_app', undefined, (sql) => insertRow(sql, table, row)));
      const foreign = await failureOf(
        as('lg_app', mine.admin.tenant_id, (sql) => insertRow(sql, table, row)),
      );

      expect([table, unset, foreign]).toEqual([table, REFUSED, REFUSED]);
    }
  });

  test('neither changes nor moves a row of another tenant', async () => {
    for (const table of tables) {
      const foreign = theirs.admin.tenant_id;

      const changed = await as('lg_app', mine.admin.tenant_id, (sql) =>
        sql.unsafe(`update ${table} set tenant_id = tenant_id where tenant_id = '${foreign}'`),
      ).catch((error: unknown) => failureOf(Promise.reject(error)));
      const moved =
        (await rowOf(table, mine)) === undefined
          ? REFUSED
          : await failureOf(
              as('lg_app', mine.admin.tenant_id, (sql) =>
                sql.unsafe(`update ${table} set tenant_id = '${foreign}'`),
              ),
            );

      expect([table, moved]).toEqual([table, REFUSED]);
      expect(changed === REFUSED || (Array.isArray(changed) && changed.length === 0)).toBe(true);
    }
  });

  test('is deleted from by nobody who serves requests', async () => {
    for (const table of tables) {
      const failure = await failureOf(
        as('lg_app', mine.admin.tenant_id, (sql) => sql.unsafe(`delete from ${table}`)),
      );

      expect([table, failure]).toEqual([table, REFUSED]);
    }
  });

  test('is seen whole by the worker', async () => {
    for (const table of tables) {
      const all = await countIn(server.sql, table);

      expect([table, await as('lg_worker', undefined, (sql) => countIn(sql, table))]).toEqual([table, all]);
    }
  });
});

describe('keys', () => {
  test('begin with the tenant: primary keys and unique indexes', async () => {
    const rows = await server.sql`select i.indexrelid::regclass::text as index, a.attname as first
      from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indisunique and c.relname = any(${tables}) and c.relnamespace = 'public'::regnamespace`;

    expect(rows.length).toBeGreaterThanOrEqual(16);
    expect(rows.filter((row) => row.first !== 'tenant_id')).toEqual([]);
  });

  test('begin with the tenant: foreign keys, on both sides', async () => {
    const rows = await server.sql`select conname, a.attname as first, f.relname as target, b.attname as refers
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
      where k.contype = 'f' and c.relname = any(${tables})`;

    expect(rows.length).toBeGreaterThanOrEqual(16);
    expect(
      rows.filter(
        ({ first, target, refers }) =>
          first !== 'tenant_id' || refers !== (target === 'tenants' ? 'id' : 'tenant_id'),
      ),
    ).toEqual([]);
  });

  test('bind every column that names something', async () => {
    const rows = await server.sql`select c.relname || '.' || a.attname as column from pg_attribute a
      join pg_class c on c.oid = a.attrelid
      where c.relname = any(${tables}) and c.relnamespace = 'public'::regnamespace and not a.attisdropped
        and a.attname ~ '^(license|customer|reseller|template|product|activation|order|invoice|subscription|audit)_id$'
        and not exists (select from pg_constraint k
          where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any(k.conkey))
        and not exists (select from pg_index i
          where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey))
      order by 1`;

    expect(rows.map((row) => row.column)).toEqual(Object.keys(unbound).toSorted());
  });

  test('hold no reference to another tenant', async () => {
    const keys = await server.sql`select conname, c.relname as table, f.relname as target,
        a.attname as column, b.attname as refers
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[2]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[2]
      where k.contype = 'f' and c.relname = any(${tables}) order by conname`;

    expect(keys.length).toBeGreaterThanOrEqual(12);
    for (const { conname, table, target, column, refers } of keys) {
      if ((await rowOf(table, mine)) === undefined || (await rowOf(target, theirs)) === undefined) continue;
      const failure = await failureOf(
        server.sql.unsafe(`update ${table} set ${column} =
            (select ${refers} from ${target} where tenant_id = '${theirs.admin.tenant_id}' limit 1)
          where tenant_id = '${mine.admin.tenant_id}'`),
      );

      expect([conname, failure]).toEqual([conname, NO_SUCH_ROW]);
    }
  });
});

describe('what stands above tenants', () => {
  test('a tenant sees its own row of the tenants, and changes nothing of it but its settings', async () => {
    const tenant = mine.admin.tenant_id;

    const seen = await as('lg_app', tenant, (sql) => sql`select id from tenants`);
    const changed = await failureOf(as('lg_app', tenant, (sql) => sql`update tenants set name = 'x'`));
    const made = await failureOf(
      as('lg_app', tenant, (sql) => sql`insert into tenants values ('x', 'x', '{}', now(), now())`),
    );

    expect(seen.map((row) => row.id)).toEqual([tenant]);
    expect(await as('lg_app', undefined, (sql) => sql`select id from tenants`)).toHaveLength(0);
    expect([changed, made]).toEqual([REFUSED, REFUSED]);
  });

  test.each(['off', 'on'])(
    "a tenant's settings are changed by nobody else, app.operator being %s",
    async (word) => {
      const tenant = mine.admin.tenant_id;
      const change = (inside: string | undefined) =>
        as('lg_app', inside, async (sql) => {
          await sql.unsafe(`set local app.operator = '${word}'`);
          const rows = await sql`update tenants set settings = '{}', updated_at = now() returning id`;
          return rows.map(({ id }) => id);
        });

      expect(await change(tenant)).toEqual([tenant]);
      expect(await change(undefined)).toEqual([]);
    },
  );

  test("an operator's transaction sees every tenant's row, changes none, and sees nothing in them", async () => {
    const tenant = mine.admin.tenant_id;

    const [seen, inside] = await as('lg_app', tenant, async (sql) => {
      await sql`set local app.operator = 'on'`;
      const strange: number[] = [];
      for (const table of tables) strange.push(await countIn(sql, table, `tenant_id <> '${tenant}'`));
      return [await countIn(sql, 'tenants'), strange];
    });
    const changed = await failureOf(
      as('lg_app', tenant, async (sql) => {
        await sql`set local app.operator = 'on'`;
        return sql`update tenants set name = 'x'`;
      }),
    );

    expect([seen, inside]).toEqual([await countIn(server.sql, 'tenants'), tables.map(() => 0)]);
    expect(changed).toBe(REFUSED);
    for (const word of ['off', 'true', '1', '']) {
      const others = await as('lg_app', tenant, async (sql) => {
        await sql.unsafe(`set local app.operator = '${word}'`);
        return countIn(sql, 'tenants');
      });
      expect([word, others]).toEqual([word, 1]);
    }
  });

  test('the trail is append-only for requests and for jobs', async () => {
    const tenant = mine.admin.tenant_id;
    for (const role of ['lg_app', 'lg_worker'] as const) {
      for (const text of [
        "update license_event_logs set event_type = 'x'",
        'delete from license_event_logs',
        'truncate license_event_logs',
        "update audit_seals set hash = 'x'",
        'delete from audit_seals',
        "update audit_checkpoints set token = 'x'",
        'delete from audit_checkpoints',
        "update event_personal_data set created_at = '2026-01-01'",
      ]) {
        expect([role, text, await failureOf(as(role, tenant, (sql) => sql.unsafe(text)))]).toEqual([
          role,
          text,
          REFUSED,
        ]);
      }
    }
  });

  test('whoever serves requests neither seals, nor moves the head of a chain, nor cuts its beginning off', async () => {
    const tenant = mine.admin.tenant_id;
    for (const text of [
      `insert into audit_seals select '${tenant}', 9, 'x', now(), 'x'`,
      `insert into audit_heads values ('${tenant}', 9, 'x', 0)`,
      'update audit_heads set sequence = 0',
      'update audit_heads set kept_after = 1',
      `select forget_events('${tenant}', 9, 9)`,
    ]) {
      const failure = await failureOf(as('lg_app', tenant, (sql) => sql.unsafe(text)));

      expect([text, failure]).toEqual([text, REFUSED]);
    }
  });

  test('the directory holds no secret, and nobody protects or makes tables', async () => {
    const held = await server.sql`select hash, kind from key_directory`;

    for (const { hash } of held) expect(hash).toMatch(/^k1\.[\w-]{43}$/);
    for (const text of [
      "select protect_tenant_table('licenses')",
      'create table public.mine (id int)',
      'alter table licenses disable row level security',
      'drop policy tenant_only on licenses',
    ]) {
      expect(await failureOf(as('lg_app', mine.admin.tenant_id, (sql) => sql.unsafe(text)))).toBe(REFUSED);
    }
  });

  test('a tenant that was set is gone with its transaction', async () => {
    const sql = connections.lg_app;

    const inside = await sql.begin(async (transaction) => {
      await transaction.unsafe(`set local app.tenant = '${mine.admin.tenant_id}'`);
      return countIn(transaction, 'licenses');
    });

    expect([inside, await countIn(sql, 'licenses')]).toEqual([1, 0]);
  });
});
