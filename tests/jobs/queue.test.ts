import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Job, parseReaction, type ReactionPayload } from '../../src/core/job.js';
import { createCustomer } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

test('a fact is told to what reacts to it', async () => {
  const told: ReactionPayload[] = [];
  const job: Job<ReactionPayload> = {
    name: 'test.reaction',
    parse: parseReaction,
    run: async (_context, payload) => {
      told.push(payload);
      return undefined;
    },
  };
  server.jobs.reactions = { to: { 'customer.created': [{ job }] }, toAll: [] };
  server.jobs.list = { queued: [job], scheduled: [] };
  const admin = await server.tenant();
  await createCustomer(server, admin);

  await server.jobs.drain();

  expect(told).toMatchObject([{ tenantId: admin.tenant_id, sequence: 1, type: 'customer.created' }]);
});
