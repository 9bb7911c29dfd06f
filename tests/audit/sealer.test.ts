import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { type Sealer, startSealer } from '../../src/server/events/sealer.js';
import { createCustomer } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let sealers: Sealer[] = [];
beforeAll(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  await Promise.all(sealers.map((sealer) => sealer.stop()));
  sealers = [];
});
afterAll(() => server.stop());

function startSealers(count: number): void {
  const { log } = server.machinery;
  for (let started = 0; started < count; started += 1) {
    sealers.push(startSealer({ url: server.url, clock: systemClock, log }));
  }
}

async function sealed(tenantId: string): Promise<{ sequence: number; event_id: string }[]> {
  return [
    ...(await server.sql<{ sequence: number; event_id: string }[]>`
      select sequence::int, event_id from audit_seals where tenant_id = ${tenantId} order by sequence`),
  ];
}

const allSealed = (): Promise<void> => expect.poll(() => server.count('unsealed_events')).toBe(0);

const events = (tenantId: string) => server.count('license_event_logs', `tenant_id = '${tenantId}'`);

test('three sealers give each of a hundred events one number, without gaps', async () => {
  const [first, second] = [await server.tenant(), await server.tenant()];
  startSealers(3);

  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      createCustomer(server, index % 2 === 0 ? first : second, `C ${index}`),
    ),
  );
  await allSealed();

  for (const { tenant_id } of [first, second]) {
    const numbers = await sealed(tenant_id);
    expect(numbers.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    expect(new Set(numbers.map(({ event_id }) => event_id)).size).toBe(await events(tenant_id));
  }
});

test('an event that is committed late comes behind those that a reader has seen', async () => {
  const admin = await server.tenant();
  startSealers(1);
  const late = randomUUID();
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`insert into license_event_logs (tenant_id, id, event_type, subject_id, metadata, created_at)
    values (${admin.tenant_id}, ${late}, 'test.late', 'x', '{}', now())`;
  await connection`insert into unsealed_events values (${admin.tenant_id}, ${late})`;

  await createCustomer(server, admin);
  await expect.poll(async () => (await sealed(admin.tenant_id)).length).toBe(1);
  const before = await sealed(admin.tenant_id);
  await connection`commit`;
  connection.release();
  await allSealed();

  expect(before).toHaveLength(1);
  expect(await sealed(admin.tenant_id)).toEqual([...before, { sequence: 2, event_id: late }]);
});

test('a seal is never written by who serves requests', async () => {
  const [row] = await server.sql`select has_table_privilege('lg_app', 'audit_seals', 'insert') as app,
    has_table_privilege('lg_worker', 'audit_seals', 'update') as worker`;

  expect(row).toEqual({ app: false, worker: false });
});
