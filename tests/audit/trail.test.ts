import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mutation, refusedAct } from '../support/acts.js';
import { createCustomer } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { keeperOf, sealAllEvents, type TestKeeper } from '../support/trail.js';

let server: TestServer;
let admin: Claims;
let folder: string;
let keeper: TestKeeper;
beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), 'lg-checkpoints-'));
  keeper = keeperOf(server, folder);
});
beforeEach(async () => {
  admin = await server.tenant();
});
afterAll(async () => {
  await keeper.stop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const VERIFY = `query ($from: SafeInt! = 1, $to: SafeInt, $checkpoints: [String!]) {
  verifyAuditTrail(from: $from, to: $to, checkpoints: $checkpoints) {
    verified from to coveredTo continuesAt broken { problem sequence eventId } } }`;
const CHECKPOINT = mutation('createAuditCheckpoint', 'checkpoint { id sequence hash kid token }');

const verify = async (variables: object = {}, as = admin): Promise<Json | undefined> =>
  (await server.ok(VERIFY, variables, as)).verifyAuditTrail;

async function customers(count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) await createCustomer(server, admin, `Customer ${made}`);
}

async function checkpoint(): Promise<Json | undefined> {
  return (await server.ok(CHECKPOINT, { input: {} }, admin)).createAuditCheckpoint?.checkpoint;
}

const checkpointEvents = () =>
  server.count(
    'license_event_logs',
    `tenant_id = '${admin.tenant_id}' and event_type = 'audit.checkpointed'`,
  );

test('a trail that nobody has touched verifies, from its first event to its last, and in parts', async () => {
  await customers(5);
  await sealAllEvents(server);

  const whole = { from: 1, to: 5, verified: true, coveredTo: null, continuesAt: null, broken: null };
  expect(await verify()).toEqual(whole);
  expect(await verify({ from: 2, to: 3 })).toEqual({ ...whole, from: 2, to: 3 });
  expect(await verify({ from: 6 })).toEqual({ ...whole, from: 6 });
  for (const range of [{ from: 7 }, { from: 3, to: 2 }])
    expect((await server.graphql(VERIFY, range, admin)).code).toBe('INVALID_INPUT');
});

test('a trail without events verifies', async () => {
  expect(await verify()).toMatchObject({ verified: true, to: 0, broken: null });
});

test('a checkpoint on request signs what is numbered, once, and tells of it by an event that carries it', async () => {
  await customers(3);
  await sealAllEvents(server);

  const first = await checkpoint();
  const again = await checkpoint();

  expect(first).toMatchObject({ sequence: 3 });
  expect(again).toEqual(first);
  expect(await checkpointEvents()).toBe(1);
  const [event] = await server.sql`select event_data from license_event_logs
    where tenant_id = ${admin.tenant_id} and event_type = 'audit.checkpointed'`;
  expect(event?.event_data).toEqual({ sequence: 3, hash: first?.hash, token: first?.token, reason: null });
  expect(await verify()).toMatchObject({ verified: true, to: 3, coveredTo: 3 });
});

test('of twenty who sign the same end at once one writes it', async () => {
  await customers(1);
  await sealAllEvents(server);

  const signed = await Promise.all(Array.from({ length: 20 }, checkpoint));

  expect(new Set(signed.map((each) => each?.token)).size).toBe(1);
  expect(await checkpointEvents()).toBe(1);
});

test('whoever may not sign signs nothing', async () => {
  await customers(1);
  await sealAllEvents(server);

  const support = { ...admin, roles: ['support'] as const };
  await refusedAct(server, support, 'createAuditCheckpoint', {}, 'FORBIDDEN');

  expect(await server.count('audit_checkpoints', `tenant_id = '${admin.tenant_id}'`)).toBe(0);
});

test('an end is signed by itself after five minutes, and not again while nothing happens', async () => {
  await customers(2);
  await sealAllEvents(server);

  await keeper.keep();
  const early = await checkpointEvents();
  server.pass(300_000);
  await keeper.keep();
  const due = await checkpointEvents();
  await sealAllEvents(server);
  server.pass(3_600_000);
  await keeper.keep();

  expect([early, due, await checkpointEvents()]).toEqual([0, 1, 1]);
  expect(await verify()).toMatchObject({ verified: true, to: 3, coveredTo: 2 });
});

test('an end is signed at once behind a thousand events', async () => {
  await server.sql`insert into license_event_logs (tenant_id, id, event_type, subject_id, metadata, created_at)
    select ${admin.tenant_id}, 'e' || lpad(n::text, 6, '0'), 'test.made', 'x', '{}', now() from generate_series(1, 1000) as n`;
  await server.sql`insert into unsealed_events select tenant_id, id from license_event_logs
    where tenant_id = ${admin.tenant_id} and id < 'e001000'`;
  await sealAllEvents(server);
  await keeper.keep();
  const before = await checkpointEvents();
  await server.sql`insert into unsealed_events values (${admin.tenant_id}, 'e001000')`;
  await sealAllEvents(server);
  await keeper.keep();

  expect([before, await checkpointEvents()]).toEqual([0, 1]);
});

test('what is signed is handed out to a file that is only ever written on to', async () => {
  const path = join(folder, `${admin.tenant_id}.jsonl`);
  const lines = async () =>
    (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  await customers(1);
  await sealAllEvents(server);
  const first = await checkpoint();
  await keeper.keep();
  const before = await readFile(path, 'utf8');
  await customers(1);
  await sealAllEvents(server);
  const second = await checkpoint();

  const other = keeperOf(server, folder);
  await other.keep();
  await keeper.keep();
  await other.stop();

  expect((await readFile(path, 'utf8')).startsWith(before)).toBe(true);
  const read = await lines();
  expect(read.map(({ sequence, token }) => [sequence, token])).toEqual([
    [1, first?.token],
    [3, second?.token],
    ...read.slice(2).map(() => [3, second?.token]),
  ]);
});

test('checkpoints that were kept elsewhere have to be of this trail and signed by this deployment', async () => {
  const stranger = await server.tenant();
  await createCustomer(server, stranger);
  await sealAllEvents(server);
  const theirs = (await server.ok(CHECKPOINT, { input: {} }, stranger)).createAuditCheckpoint?.checkpoint;
  const own = await checkpoint();
  const forged = `${String(own?.token).slice(0, -4)}AAAA`;

  for (const token of [String(theirs?.token), forged, 'x', '']) {
    const answer = await server.graphql(VERIFY, { checkpoints: [token] }, admin);
    expect([token, answer.code]).toEqual([token, 'INVALID_INPUT']);
  }
  expect(await verify({ checkpoints: [own?.token] })).toMatchObject({ verified: true });
});

test('a key that somebody wrote into the database verifies no checkpoint', async () => {
  await customers(2);
  await sealAllEvents(server);
  await checkpoint();
  const [kept] = await server.sql`select * from signing_keys where purpose = 'auditCheckpoint'`;

  await server.sql`update signing_keys set private_jwk = 'k1.AAAA' where kid = ${kept?.kid}`;
  const found = await verify();
  await server.sql`update signing_keys set private_jwk = ${kept?.private_jwk} where kid = ${kept?.kid}`;

  expect(found).toMatchObject({ verified: false, broken: { problem: 'CHECKPOINT_MISMATCH', sequence: 2 } });
  expect(await verify()).toMatchObject({ verified: true, coveredTo: 2 });
});

test('a checkpoint verifies on when its key is over, and never when its key was retired', async () => {
  const start = server.now;
  await customers(1);
  await sealAllEvents(server);
  await checkpoint();

  server.pass(1000 * 86_400_000);
  const late = await verify();
  server.now = start;
  const [row] =
    await server.sql`select kid, verifies_until from signing_keys where purpose = 'auditCheckpoint' order by created_at limit 1`;
  await server.sql`update signing_keys set signs_until = ${start}, verifies_until = ${start} where kid = ${row?.kid}`;
  const retired = await verify();
  await server.sql`delete from signing_keys where kid = ${row?.kid}`;

  expect(late).toMatchObject({ verified: true, coveredTo: 1 });
  expect(retired).toMatchObject({ verified: false, broken: { problem: 'CHECKPOINT_MISMATCH' } });
});
