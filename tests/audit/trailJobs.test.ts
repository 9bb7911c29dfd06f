import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CheckpointFiles } from '../../src/audit/gateway/checkpointFiles.js';
import type { CheckpointRow } from '../../src/audit/table.js';
import { startCheckpointKeeper } from '../../src/server/events/checkpointKeeper.js';
import { mutation } from '../support/acts.js';
import { createCustomer } from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';
import { sealAllEvents } from '../support/trail.js';

const DAY = 86_400_000;

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), 'lg-handed-out-'));
  const { queued, scheduled } = server.jobs.list;
  server.jobs.list = { queued, scheduled: scheduled.filter(({ job }) => job.name.startsWith('trail.')) };
});
beforeEach(async () => {
  server.now = START;
  await server.sql`delete from scheduled_jobs`;
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const operator = (tenant: Claims): Claims => ({
  tenant_id: tenant.tenant_id,
  roles: ['operator'],
  sub: 'olga',
});

async function jobsSeen(tenant: Claims): Promise<Json[]> {
  const { jobs } = await server.ok('{ jobs { name state result error } }', {}, operator(tenant));
  return Object.values(jobs ?? {});
}

const checkpointsOf = ({ tenant_id }: Claims): Promise<number> =>
  server.count('audit_checkpoints', `tenant_id = '${tenant_id}'`);
const personalOf = ({ tenant_id }: Claims): Promise<number> =>
  server.count('event_personal_data', `tenant_id = '${tenant_id}' and data is not null`);

async function tenantWithEvent(): Promise<Claims> {
  const admin = await server.tenant();
  await createCustomer(server, admin);
  return admin;
}

test('checkpoints, retention and erasure are jobs that operators see, and run when they ask', async () => {
  const admin = await tenantWithEvent();
  await server.jobs.drain();
  server.pass(299_000);
  const run = mutation('runJob', 'job { state }');

  await server.ok(run, { input: { name: 'trail.checkpoint' } }, operator(admin));
  await server.jobs.drain();
  const early = await checkpointsOf(admin);
  server.pass(1_000);
  await server.ok(run, { input: { name: 'trail.checkpoint' } }, operator(admin));
  await server.jobs.drain();

  expect([early, await checkpointsOf(admin)]).toEqual([0, 1]);
  const seen = await jobsSeen(admin);
  expect(seen.map(({ name }) => name)).toEqual(['trail.checkpoint', 'trail.erase', 'trail.forget']);
  expect(seen[0]).toMatchObject({ state: 'SUCCEEDED', result: { checkpoints: 1 } });
});

test('who numbers the thousandth event has it signed without waiting for the minute', async () => {
  const admin = await server.tenant();
  await server.jobs.drain();
  await server.sql`insert into license_event_logs (tenant_id, id, event_type, subject_id, metadata, created_at)
    select ${admin.tenant_id}, 'e' || lpad(n::text, 6, '0'), 'test.made', 'x', '{}', now() from generate_series(1, 1000) as n`;
  await server.sql`insert into unsealed_events select tenant_id, id from license_event_logs
    where tenant_id = ${admin.tenant_id} and id < 'e001000'`;
  await server.jobs.drain();
  const before = await checkpointsOf(admin);

  await server.sql`insert into unsealed_events values (${admin.tenant_id}, 'e001000')`;
  await server.jobs.drain();

  expect([before, await checkpointsOf(admin)]).toEqual([0, 1]);
});

test('a tenant whose trail cannot be signed keeps no other from being signed, and nobody from being forgotten', async () => {
  const [first, bad, last] = [await tenantWithEvent(), await tenantWithEvent(), await tenantWithEvent()];
  await sealAllEvents(server);
  await server.sql.unsafe(`create function refuse() returns trigger language plpgsql as $$ begin
      raise exception 'not this one'; end $$;
    create trigger refuse before insert on audit_checkpoints for each row
      when (new.tenant_id = '${bad.tenant_id}') execute function refuse()`);
  server.pass(181 * DAY);

  await server.jobs.drain();
  const [signed, left, seen] = [
    await Promise.all([first, bad, last].map(checkpointsOf)),
    await Promise.all([first, bad, last].map(personalOf)),
    await jobsSeen(first),
  ];
  await server.sql`drop trigger refuse on audit_checkpoints`;
  await server.jobs.drain();

  expect(signed).toEqual([1, 0, 1]);
  expect(left).toEqual([0, 0, 0]);
  expect(seen.map(({ name, state, error }) => [name, state, error])).toEqual([
    ['trail.checkpoint', 'FAILED', 'not this one'],
    ['trail.erase', 'SUCCEEDED', null],
    ['trail.forget', 'SUCCEEDED', null],
  ]);
  expect(await checkpointsOf(bad)).toBe(1);
});

test('a tenant whose events cannot be deleted keeps no other from it', async () => {
  const tenants = [await tenantWithEvent(), await tenantWithEvent(), await tenantWithEvent()];
  for (const admin of tenants)
    await server.ok(
      mutation('updateTenantSettings', '__typename'),
      { input: { retention: { eventDays: 30 } } },
      admin,
    );
  await server.jobs.drain();
  server.pass(300_000);
  await server.jobs.drain();
  const bad = String(tenants[1]?.tenant_id);
  await server.sql.unsafe(`create function keep_it() returns trigger language plpgsql as $$ begin
      raise exception 'not this one'; end $$;
    create trigger keep_it before update on audit_heads for each row
      when (new.tenant_id = '${bad}' and new.boundary_token is not null) execute function keep_it()`);
  server.pass(31 * DAY);

  await server.jobs.drain();
  const kept = await Promise.all(
    tenants.map(({ tenant_id }) =>
      server.count('license_event_logs', `tenant_id = '${tenant_id}' and event_type = 'customer.created'`),
    ),
  );
  await server.sql`drop trigger keep_it on audit_heads`;

  expect(kept).toEqual([0, 1, 0]);
});

test('a folder that cannot be written to keeps nothing from being signed or erased', async () => {
  const admin = await tenantWithEvent();
  await server.jobs.drain();
  server.pass(181 * DAY);
  await server.jobs.drain();
  const { pool, log } = server.jobs.surroundings;
  const keeper = startCheckpointKeeper({ pool, log, folder: '/dev/null/none', everyMillis: DAY });

  await expect(keeper.handOut()).rejects.toThrow('ENOTDIR');
  await keeper.stop();

  expect([await checkpointsOf(admin), await personalOf(admin)]).toEqual([1, 0]);
});

function checkpointRows(count: number): CheckpointRow[] {
  return Array.from({ length: count }, (_, index) => ({
    tenantId: 't' as CheckpointRow['tenantId'],
    id: `c${index}` as CheckpointRow['id'],
    sequence: index + 1,
    hash: 'h',
    kid: 'k',
    token: 'x'.repeat(800),
    createdAt: START,
  }));
}

test('several servers that hand out to one folder write each checkpoint once, and whole', async () => {
  const path = join(folder, 't.jsonl');
  const rows = checkpointRows(200);
  const servers = Array.from({ length: 4 }, () => new CheckpointFiles(folder));
  const handOut = async (files: CheckpointFiles): Promise<void> => {
    for (let known = 0; known < rows.length; ) {
      await files.append('t', rows.slice(known, known + 7));
      known = Math.max(known, (await new CheckpointFiles(folder).last('t')) ?? 0);
    }
  };

  await Promise.all(servers.map(handOut));

  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).sequence)).toEqual(rows.map(({ sequence }) => sequence));
});

test('what a server that died was writing is written by another, behind a line that was cut off', async () => {
  const path = join(folder, 'cut.jsonl');
  const rows = checkpointRows(3);
  const first = new CheckpointFiles(folder);
  await first.append('cut', rows.slice(0, 1));
  await writeFile(path, `${await readFile(path, 'utf8')}{"tenantId":"t","seq`);
  await writeFile(`${path}.writing`, '');
  const other = new CheckpointFiles(folder);

  const held = await other.append('cut', rows);
  await utimes(`${path}.writing`, new Date(0), new Date(0));
  const [freed, written] = [await other.append('cut', rows), await other.append('cut', rows)];

  expect([held, freed, written]).toEqual([0, 0, 2]);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  expect([0, 2, 3].map((at) => JSON.parse(lines[at] ?? '').sequence)).toEqual([1, 2, 3]);
});
