import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { startRunner } from '../../src/jobs/runner.js';
import { SEALER_LOCK } from '../../src/server/events/sealer.js';
import { mutation } from '../support/acts.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';

const ROUNDS = 5;
const WORKERS = 4;
const LICENSES = 24;

let server: TestServer;
let post: MailServer;
let processes: Processes;
let shop: Shop;
beforeAll(async () => {
  post = await MailServer.open();
  const environment = { LG_SMTP_URL: post.url, LG_MAIL_FROM: 'mail@licenses.example' };
  server = await startTestServer({ environment });
  // The workers' clock is the system's.
  server.now = instant(Date.now());
  processes = await Processes.open(server, { ...environment, LG_JOBS_AT_ONCE: '4' });
  shop = await openShop(server);
  await server.ok(
    mutation('updateCustomer', 'customer { id }'),
    { input: { customerId: shop.customerId, email: 'ada@example.com' } },
    shop.admin,
  );
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
  await post?.stop();
});

const queued = (where = 'true'): Promise<number> => server.count('graphile_worker._private_jobs', where);

/** Workers that are killed as soon as they have begun jobs; how many jobs they left in their hands. */
async function killWorkersAtWork(): Promise<number> {
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, (): Promise<ServerProcess> => processes.work()),
  );
  // Workers number events themselves: they are to find the jobs of all at once, and not one at a time.
  const sealing = await server.sql.reserve();
  await sealing`select pg_advisory_lock(${SEALER_LOCK})`;
  for (let made = 0; made < LICENSES; made += 1)
    await createLicense(server, shop, { customerId: shop.customerId });
  await sealing`select pg_advisory_unlock(${SEALER_LOCK})`;
  sealing.release();
  await expect.poll(() => queued("locked_by like 'pool-%'"), { interval: 1 }).toBeGreaterThan(1);
  await Promise.all(workers.map((worker) => worker.kill()));
  return queued('locked_by is not null');
}

test('of 20 workers that are killed at work no job is lost: a peer that ran all along takes them over, and no mail is told twice', async () => {
  const { url, jobs } = server;
  const peer = startRunner({
    url,
    surroundings: jobs.surroundings,
    jobs: { queued: jobs.list.queued, scheduled: [] },
    concurrency: 1,
    stopSeconds: 5,
    rescueMillis: 100,
  });

  let held = 0;
  for (let round = 0; round < ROUNDS; round += 1) held += await killWorkersAtWork();
  await expect.poll(() => queued(), { interval: 50 }).toBe(0);
  await peer.stop();
  // What a mail's sender has not said that it sent is sent again after its time, under the same id.
  server.pass(24 * 3_600_000);
  await jobs.drain();

  const [mails] = await server.sql`select count(*)::int as count, count(distinct license_id)::int as licenses,
      count(distinct message_id)::int as ids, count(*) filter (where status = 'SENT')::int as sent
    from notifications where kind = 'LICENSE_ISSUED'`;
  const all = ROUNDS * LICENSES;
  expect({ ...mails }).toEqual({ count: all, licenses: all, ids: all, sent: all });
  const written = await server.sql`select message_id from notifications where kind = 'LICENSE_ISSUED'`;
  const texts = new Map<string, Set<string>>();
  for (const { mail } of post.to('ada@example.com')) {
    const id = String(mail.messageId);
    texts.set(id, (texts.get(id) ?? new Set()).add(String(mail.text)));
  }
  // Every mail has arrived, none that nobody wrote; and what arrived twice is the same mail, to the letter.
  expect([...texts.keys()].toSorted()).toEqual(
    written.map(({ message_id }) => String(message_id)).toSorted(),
  );
  expect([...texts.values()].every((said) => said.size === 1)).toBe(true);
  expect(new Set([...texts.values()].flatMap((said) => [...said])).size).toBe(all);
  expect(held).toBeGreaterThan(0);
  expect(server.logged.some((line) => line.includes('jobs of workers that are gone were freed'))).toBe(true);
}, 300_000);
