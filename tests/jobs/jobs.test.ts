import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSweep } from '../../src/core/job.js';
import type { Scheduled } from '../../src/jobs/schedule.js';
import { mutation } from '../support/acts.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

const HOUR = 3_600_000;

let server: TestServer;
let operator: Claims;
const runs: { readonly dueAt: string; readonly since: string }[] = [];
let failure: Error | undefined;

const counted: Scheduled = {
  everyMinutes: 60,
  about: 'Counts its runs.',
  job: {
    name: 'test.count',
    parse: parseSweep,
    run: async ({ progress }, payload) => {
      await progress({ looked: 1 });
      if (failure !== undefined) throw failure;
      runs.push(payload);
      return { runs: runs.length };
    },
  },
};

beforeAll(async () => {
  server = await startTestServer();
  server.jobs.list = { queued: [], scheduled: [counted] };
  const { tenant_id } = await server.tenant();
  operator = { tenant_id, roles: ['operator'], sub: 'olga' };
});
afterAll(() => server.stop());

const JOBS =
  '{ jobs { name state dueAt doneThrough requestedAt startedAt finishedAt progress result error } }';
const RUN = mutation('runJob', 'job { name state }');

async function job(): Promise<Json | undefined> {
  const { jobs } = await server.ok(JOBS, {}, operator);
  return Object.values(jobs ?? {}).find(({ name }) => String(name) === 'test.count');
}

test('a job runs once a period, and once for all the periods that were missed', async () => {
  await server.jobs.drain();
  await server.jobs.drain();
  server.pass(30 * 60_000);
  await server.jobs.drain();
  server.pass(50 * HOUR);
  await server.jobs.drain();

  expect(runs).toEqual([
    { dueAt: '2026-03-01T12:00:00.000Z', since: '2026-03-01T11:00:00.000Z' },
    { dueAt: '2026-03-03T14:00:00.000Z', since: '2026-03-01T12:00:00.000Z' },
  ]);
  expect(await job()).toEqual({
    name: 'test.count',
    state: 'SUCCEEDED',
    dueAt: '2026-03-03T14:00:00.000Z',
    doneThrough: '2026-03-03T14:00:00.000Z',
    requestedAt: null,
    startedAt: '2026-03-03T14:30:00.000Z',
    finishedAt: '2026-03-03T14:30:00.000Z',
    progress: { looked: 1 },
    result: { runs: 2 },
    error: null,
  });
});

test('an operator has a job run besides, once however often he asks before it does', async () => {
  server.pass(60_000);
  const before = runs.length;

  const asked = await server.ok(RUN, { input: { name: 'test.count' } }, operator);
  await server.ok(RUN, { input: { name: 'test.count' } }, operator);
  await server.jobs.drain();
  await server.jobs.drain();

  expect(asked.runJob).toEqual({ job: { name: 'test.count', state: 'QUEUED' } });
  expect(runs.slice(before)).toEqual([{ dueAt: server.now, since: '2026-03-03T14:00:00.000Z' }]);
  expect(await server.count('license_event_logs', "event_type = 'job.requested'")).toBe(2);
});

test('there is nothing to run by another name, and nothing is written', async () => {
  const answer = await server.graphql(RUN, { input: { name: 'test.other' } }, operator);

  expect(answer.code).toBe('JOB_NOT_FOUND');
  expect(await server.count('license_event_logs', "subject_id = 'test.other'")).toBe(0);
  expect(await server.count('scheduled_jobs', 'requested_at is not null')).toBe(0);
});

test('whoever runs no server for its tenants sees no job, and has none run', async () => {
  const admin = { tenant_id: operator.tenant_id, roles: ['admin' as const] };

  const [seen, ran] = [
    await server.graphql(JOBS, {}, admin),
    await server.graphql(RUN, { input: { name: 'test.count' } }, admin),
  ];

  expect([seen.code, ran.code]).toEqual(['FORBIDDEN', 'FORBIDDEN']);
  expect(await server.count('scheduled_jobs', 'requested_at is not null')).toBe(0);
});

test('a job that fails says why, without what it was given, and is done for the same instant when it comes again', async () => {
  server.pass(2 * HOUR);
  failure = Object.assign(new Error('Failed query: select $1 params: secret'), {
    query: 'select $1',
    cause: new Error('the table is away'),
  });
  await server.jobs.drain();
  const failed = await job();
  const before = runs.length;

  failure = undefined;
  await server.jobs.drain();

  expect(failed).toMatchObject({ state: 'FAILED', error: 'the table is away', result: { runs: before } });
  expect(runs.slice(before).map(({ dueAt }) => dueAt)).toEqual(['2026-03-03T16:00:00.000Z']);
  expect(await job()).toMatchObject({ state: 'SUCCEEDED', error: null });
  const kept = await server.sql`select count(*)::int as count from graphile_worker._private_jobs`;
  expect([kept[0]?.count, server.logged.some((line) => line.includes('secret'))]).toEqual([0, false]);
});
